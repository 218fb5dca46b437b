"""GridSample where it is left: at fixed places, and not too many, it is a matrix already."""

from __future__ import annotations

from math import prod

from converters.caffe.graph import Blob
from converters.errors import Unsupported
from converters.onnx_to_caffe.registry import Const, lowers


@lowers("GridSample")
def grid_sample(
    x: Blob, grid: Const, *, mode: str = "linear", padding_mode: str = "zeros", align_corners: int = 0
) -> Blob:
    """Refused: no Caffe reads pixels at computed places."""
    count = prod(grid.shape[:-1]) * prod(x.shape[2:])
    raise Unsupported(f"the matrix of this sampling has {count:,} numbers", "sample on the host, or at fewer places")
