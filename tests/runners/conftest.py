from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.runners import files
from toolkit import runners
from toolkit.runners.base import Arrays, Target

Tiny = dict[str, tuple[str, Path | None]]
RunCaffe = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    return files.write_tiny(tmp_path_factory.mktemp("tiny"))


def need(name: str) -> None:
    if reason := runners.available()[name]:
        pytest.skip(reason)


@pytest.fixture
def run_caffe(tmp_path: Path) -> RunCaffe:
    """Run layers, given as prototxt text, on one input `data` in real Caffe."""
    need("caffe")

    def run(layers: str, data: np.ndarray, *outputs: str, more: Arrays | None = None) -> dict[str, np.ndarray]:
        feeds = {"data": data, **(more or {})}
        path = tmp_path / "net.prototxt"
        path.write_text("".join(files.input_layer(name, array.shape) for name, array in feeds.items()) + layers)
        with runners.load("caffe", Target(str(path), outputs=outputs)) as runner:
            return runner.run(feeds)

    return run
