"""Blobs that depend on no input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe_to_onnx.build import Ops
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require

LARGEST_HELD = 2**16  # numbers of a constant that are written out


@lifts("Parameter")
def parameter(op: Ops, *, shape: Mapping[str, Any] | None, tops: Sequence[Shape], blobs: Blobs) -> ir.Value:
    """Parameter, a learned blob -> a constant."""
    (array,) = blobs.take(tops[0])
    return op.constant(array, "parameter")


@lifts("DummyData")
def dummy(
    op: Ops,
    *,
    data_filler: Sequence[Mapping[str, Any]],
    shape: Sequence[Mapping[str, Any]],
    num: Sequence[int],
    channels: Sequence[int],
    height: Sequence[int],
    width: Sequence[int],
    tops: Sequence[Shape],
) -> tuple[ir.Value, ...]:
    """DummyData of one number -> a constant. Random fillers made it an input before (see caffe.phase)."""
    fillers = list(data_filler) or [{}]
    fillers = fillers * len(tops) if len(fillers) == 1 else fillers
    require(len(fillers) == len(tops), f"has {len(fillers)} fillers for {len(tops)} tops")
    pairs = zip(fillers, tops, strict=True)
    return tuple(_filled(op, top, np.float32(filler.get("value", 0.0))) for filler, top in pairs)


def _filled(op: Ops, shape: Shape, number: np.float32) -> ir.Value:
    if prod(shape) <= LARGEST_HELD:
        return op.constant(np.full(shape, number), "constant")
    return op.ConstantOfShape(op.ints(shape), value=ir.tensor(np.asarray([number])))
