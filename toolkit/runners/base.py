"""What a runtime is: something entered, fed by input name and left; plus the registry that finds them by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, TypeVar

import numpy as np

from converters.errors import ToolkitError

Arrays = Mapping[str, np.ndarray]


class RunnerError(ToolkitError):
    """A runtime refused the model or crashed; the message names the runtime and quotes its reason."""

    exit_code = 1


class RunnerUnavailable(ToolkitError):
    """The runtime is not installed here; the message says how to get it."""

    exit_code = 2


@dataclass(frozen=True)
class Target:
    """What a runner runs: an ONNX file, a prototxt with its caffemodel, or a model name for torch.

    `outputs` names the values to return (ONNX value names or Caffe blob names); empty means the model's own outputs.
    """

    path: str
    weights: Path | None = None
    outputs: tuple[str, ...] = ()
    threads: int = 1
    options: Mapping[str, str] = field(default_factory=dict)


class Runner(Protocol):
    """A runtime with one model in it. `inputs` maps name to shape once entered (None for a dynamic dimension)."""

    name: str
    inputs: dict[str, tuple[int | None, ...]]

    def __enter__(self) -> Runner: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]: ...


@dataclass(frozen=True)
class Runtime:
    """One registered runtime: how to build a runner, which suffixes it reads, and why it can't run here (or '')."""

    name: str
    make: Callable[[Target], Runner]
    reads: tuple[str, ...]
    missing: Callable[[], str]


RUNTIMES: dict[str, Runtime] = {}
Make = TypeVar("Make", bound=Callable[..., Runner])


def runtime(name: str, reads: tuple[str, ...], missing: Callable[[], str]) -> Callable[[Make], Make]:
    """Register a runner class under `name`; `missing()` returns '' where it can run here, else the reason and remedy."""

    def register(make: Make) -> Make:
        RUNTIMES[name] = Runtime(name, make, reads, missing)
        return make

    return register
