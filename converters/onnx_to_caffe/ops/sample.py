"""GridSample where it is left: at fixed places, and not too many, it is a matrix already."""

from __future__ import annotations

from math import prod

from converters.caffe.graph import Blob
from converters.errors import Unsupported
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


@lowers("GridSample")
def grid_sample(
    x: Value, grid: Value, *, mode: str = "linear", padding_mode: str = "zeros", align_corners: int = 0
) -> Blob:
    """Refused: no Caffe reads pixels at computed places."""
    places = need_const(grid, "the grid").shape
    image = need_blob(x, "the input").shape[2:]
    count = prod(places[:-1]) * prod(image)
    raise Unsupported(f"the matrix of this sampling has {count:,} numbers", "sample on the host, or at fewer places")
