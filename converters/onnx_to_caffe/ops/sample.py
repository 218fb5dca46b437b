"""Operators that become a matrix, where they are left: places are computed, or the matrix is too large."""

from __future__ import annotations

from math import prod

from converters.caffe.graph import Blob
from converters.errors import Unsupported
from converters.onnx_to_caffe.registry import Const, Value, lowers

HINT = "do it on the host, or at fewer places"


@lowers("GridSample")
def grid_sample(
    x: Blob, grid: Const, *, mode: str = "linear", padding_mode: str = "zeros", align_corners: int = 0
) -> Blob:
    """Refused: no Caffe reads pixels at computed places."""
    count = prod(grid.shape[:-1]) * prod(x.shape[2:])
    raise Unsupported(f"the matrix of this sampling has {count:,} numbers", HINT)


@lowers("AffineGrid", "DFT", "DeformConv")
def linear_in_one_input(x: Blob, *others: Value | None, out_shapes: object, **attributes: object) -> Blob:
    """Refused: any output may depend on any input, so only a small matrix can take its place."""
    if any(isinstance(value, Blob) for value in others):
        raise Unsupported("only its first input may be computed at run time", "do it on the host")
    raise Unsupported(f"its matrix from {x.shape} is too large, or onnxruntime does not compute its type", HINT)
