"""Sums and products of blobs, and of a blob with learned numbers along some of its axes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe.shapes import axis_of
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require


@lifts("Scale")
def scale(
    op: Ops,
    x: ir.Value,
    factor: ir.Value | None = None,
    *,
    axis: int,
    num_axes: int,
    bias_term: bool,
    blobs: Blobs,
) -> ir.Value:
    """Scale -> Mul, with bias_term Add as well; with two bottoms the second is the factor."""
    if factor is not None:
        run = dims(factor)
        y = op.Mul(x, _along(op, factor, x, axis))
        shift = blobs.take(run) if bias_term else ()
    else:
        run = _run(dims(x), axis, num_axes)
        first, *rest = blobs.take(run, *([run] if bias_term else []))
        shift = tuple(rest)
        y = op.Mul(x, op.constant(first.reshape(_wide(run, dims(x), axis)), "scale"))
    return op.Add(y, op.constant(shift[0].reshape(_wide(run, dims(x), axis)), "bias")) if shift else y


@lifts("Bias")
def bias(op: Ops, x: ir.Value, shift: ir.Value | None = None, *, axis: int, num_axes: int, blobs: Blobs) -> ir.Value:
    """Bias -> Add; with two bottoms the second is what is added."""
    if shift is not None:
        return op.Add(x, _along(op, shift, x, axis))
    run = _run(dims(x), axis, num_axes)
    (learned,) = blobs.take(run)
    return op.Add(x, op.constant(learned.reshape(_wide(run, dims(x), axis)), "bias"))


def _run(shape: Shape, axis: int, num_axes: int) -> Shape:
    """The axes that a learned blob covers; -1 is all from `axis` on, 0 none (one number for all)."""
    if num_axes == 0:
        return ()
    start = axis_of(axis, len(shape))
    end = len(shape) if num_axes == -1 else start + num_axes
    require(num_axes >= -1 and end <= len(shape), f"covers {num_axes} axes from {axis} on, of {len(shape)}")
    return shape[start:end]


def _wide(run: Shape, shape: Shape, axis: int) -> Shape:
    """The run's own shape with a 1 for every axis behind it: ONNX aligns shapes at their ends."""
    return (*run, *(1,) * (len(shape) - axis_of(axis, len(shape)) - len(run))) if run else ()


def _along(op: Ops, factor: ir.Value, x: ir.Value, axis: int) -> ir.Value:
    run, shape = dims(factor), dims(x)
    if not run:
        return factor
    start = axis_of(axis, len(shape))
    behind = len(shape) - start - len(run)
    require(shape[start : start + len(run)] == run, f"of {shape} by {run} from axis {axis}")
    return op.unsqueeze(factor, range(len(run), len(run) + behind))


@lifts("Eltwise")
def eltwise(op: Ops, *xs: ir.Value, operation: str, coeff: Sequence[float], stable_prod_grad: bool) -> ir.Value:
    """Eltwise -> Mul, Max, or Add (Sub for coefficients 1 and -1; Sum for more than two)."""
    require(len(xs) >= 2, "takes two bottoms or more")
    require(not coeff or operation == "SUM", f"has coefficients, which are for SUM and not {operation}")
    require(not coeff or len(coeff) == len(xs), f"has {len(coeff)} coefficients for {len(xs)} bottoms")
    if operation == "PROD":
        return reduce(op.Mul, xs)
    if operation == "MAX":
        return op.Max(*xs)
    if list(coeff) == [1, -1]:
        return op.Sub(*xs)
    parts = [x if c == 1 else op.Mul(x, c) for x, c in zip(xs, coeff or [1] * len(xs), strict=True)]
    return op.Add(*parts) if len(parts) == 2 else op.Sum(*parts)


@lifts("Axpy")
def axpy(op: Ops, factor: ir.Value, x: ir.Value, y: ir.Value) -> ir.Value:
    """Axpy, SENet's factor x + y with a factor for each channel (N, C, 1, 1) -> Mul, Add."""
    require(dims(factor)[:2] == dims(x)[:2], f"of {dims(x)} by {dims(factor)}")
    wide = factor if len(dims(factor)) == 4 else op.unsqueeze(factor, range(len(dims(factor)), 4))
    return op.Add(op.Mul(wide, x), y)
