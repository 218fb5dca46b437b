"""Many numbers along axes -> one, or the places of the largest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe.shapes import axis_of
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import lifts
from converters.errors import require

OPERATIONS = {"SUM": "ReduceSum", "ASUM": "ReduceL1", "SUMSQ": "ReduceSumSquare", "MEAN": "ReduceMean"}


@lifts("Reduction")
def reduction(op: Ops, x: ir.Value, *, operation: str, axis: int, coeff: float) -> ir.Value:
    """Reduction over all axes from `axis` on, which are dropped."""
    rank = len(dims(x))
    axes = list(range(axis_of(axis, rank), rank))
    y = op.reduce(OPERATIONS[operation], x, axes, keepdims=False)
    return op.Mul(y, coeff) if coeff != 1 else y


@lifts("ArgMax")
def arg_max(
    op: Ops, x: ir.Value, *, out_max_val: bool, top_k: int, axis: int | None, tops: Sequence[Shape]
) -> ir.Value:
    """ArgMax -> ArgMax or TopK, whose ties go to the larger index as Caffe's do; indices are floats.

    Without an axis all but the batch are one, and out_max_val adds the values; with one it gives them instead.
    """
    shape = dims(x)
    place = 1 if axis is None else axis_of(axis, len(shape))
    line = op.Flatten(x, axis=1) if axis is None and len(shape) != 2 else x
    size = int(np.prod(shape[1:])) if axis is None else shape[place]
    require(1 <= top_k <= size, f"has a top_k of {top_k} of {size} numbers")
    values, places = _largest(op, line, place, size, top_k, need_values=out_max_val)
    if axis is not None:
        return values if out_max_val else places
    rows = op.Concat(_row(op, places), _row(op, values), axis=1) if out_max_val else places
    return op.reshape(rows, (-1, *tops[0][1:]))


def _row(op: Ops, x: ir.Value) -> ir.Value:
    """(N, k) as (N, 1, k), to be put above another."""
    return op.unsqueeze(x, [1])


def _largest(op: Ops, x: ir.Value, axis: int, size: int, top_k: int, need_values: bool) -> tuple[ir.Value, ir.Value]:
    """The largest numbers along an axis in falling order, and their places as floats; of equals the last."""
    if top_k == 1 and not need_values and op.opset >= 12:
        places = op.floats(op.ArgMax(x, axis=axis, keepdims=1, select_last_index=1))
        return places, places
    values, places = op.several("TopK", 2, op.reversed(x, axis), op.ints([top_k]), axis=axis)  # of equals the first
    last: ir.Value | float = float(size - 1)
    if axis == 0:  # the batch, which may be left open
        last = op.Sub(op.floats(op.slice(op.Shape(x), [0], [1], [0])), 1.0)
    return values, op.Sub(last, op.floats(places))
