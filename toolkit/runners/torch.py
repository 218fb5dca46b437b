"""A torch module in eval mode on the CPU: where a model comes from, before any export."""

from __future__ import annotations

import importlib.util
import inspect
import time
from types import TracebackType
from typing import Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Arrays, RunnerError, Target, need_feeds, runtime, settings


def missing() -> str:
    return "" if importlib.util.find_spec("torch") else "PyTorch is not installed: pip install torch"


@runtime("torch", reads=(), missing=missing)
class Torch:
    """A model by name, as `toolkit.models.create` takes it. `weights` is a checkpoint; options as for `create`.

    Inputs are the parameters of `forward` that have no default, outputs "output", "output_1", ... in the order in
    which the module returns them, or what the target calls them in that order.
    """

    name = "torch"

    def __init__(self, target: Target) -> None:
        self.target = target
        self.options = settings(target, {"weights": (), "num_classes": (), "image_size": (), "input_shape": ()})
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.version, self.seconds = "", 0.0

    def __enter__(self) -> Torch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.module

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        return {}
