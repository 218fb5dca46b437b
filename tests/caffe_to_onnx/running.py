"""A row -> files, and what real Caffe and the imported model compute from them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from converters.caffe_to_onnx import convert_file
from tests import engines
from tests.caffe_to_onnx.rows import Row
from tests.runners import files
from toolkit import runners
from toolkit.runners.base import Target

Arrays = dict[str, np.ndarray]


def seeded(name: str, shape: Sequence[int], low: float, high: float, whole: bool = False) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(f"{name}{shape}".encode()))
    if whole:
        return rng.integers(int(low), int(high) + 1, shape).astype(np.float32)
    return rng.uniform(low, high, shape).astype(np.float32)


def write(row: Row, folder: Path) -> tuple[Path, Path]:
    """The row's prototxt and caffemodel; the weights are encoded by the tests' own writer."""
    prototxt = folder / "net.prototxt"
    prototxt.write_text("".join(files.input_layer(name, shape) for name, shape in row.inputs.items()) + row.layers)
    blobs = {
        layer: [
            seeded(f"{layer}{at}", shape, 0.2 if layer in row.positive else -1.0, 1.0)
            for at, shape in enumerate(shapes)
        ]
        for layer, shapes in row.blobs.items()
    }
    return prototxt, files.caffemodel(folder / "net.caffemodel", blobs)


def feeds(row: Row, batch: int = 0) -> Arrays:
    """What is fed; with `batch`, that many samples."""
    shapes = {name: (batch, *shape[1:]) if batch else shape for name, shape in row.inputs.items()}
    return {name: seeded(name, shape, row.low, row.high, row.whole) for name, shape in shapes.items()}


def caffe(prototxt: Path, caffemodel: Path, outputs: Sequence[str], fed: Mapping[str, np.ndarray]) -> Arrays:
    return engines.run_target("caffe", Target(str(prototxt), caffemodel, tuple(outputs)), dict(fed))


def imported(prototxt: Path, caffemodel: Path | None, fed: Mapping[str, np.ndarray], **options: object) -> Arrays:
    """What onnxruntime computes from the import of two files."""
    path = prototxt.with_suffix(".onnx")
    convert_file(prototxt, caffemodel, path, **options)  # type: ignore[arg-type]
    with runners.load("onnxruntime", Target(str(path))) as runner:
        return runner.run(fed)


def assert_close(got: Arrays, want: Arrays, tolerance: float = 1e-5) -> None:
    assert got.keys() == want.keys()
    for name, reference in want.items():
        assert got[name].shape == reference.shape, name
        scale = max(float(np.abs(reference).max()), 1e-12)
        error = float(np.abs(got[name] - reference).max()) / scale
        assert error <= tolerance, f"{name} differs by {error:.2e} of {scale:.3g}"
