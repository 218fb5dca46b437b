"""Add and its kin."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob


@lowers("Add")
def add(a: Value, b: Value) -> Blob:
    """Add of equal shapes -> Eltwise SUM."""
    a, b = need_blob(a, "an operand"), need_blob(b, "an operand")
    require(a.shape == b.shape, f"broadcasts {a.shape} with {b.shape}")
    return layers.add(a, b)
