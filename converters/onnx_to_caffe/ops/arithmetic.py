"""Add and its kin, with ONNX's full broadcasting; either operand may be a constant."""

from __future__ import annotations

from functools import reduce
from math import e, prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.parts.broadcast import Numbers, common, elementwise, full, join, numbers, with_constant
from converters.onnx_to_caffe.parts.gates import gated
from converters.onnx_to_caffe.parts.linear import affine, clipped, powered
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob, need_const

MOST_EXPONENTS = 64  # that differ; each becomes a layer


def scaled(x: Blob, factor: Numbers) -> Blob:
    """x times a constant -> Power or Scale."""
    return with_constant(x, factor, lambda y, v: affine(y, scale=v), lambda y, v, axis: layers.scale(y, v, axis=axis))


def shifted(x: Blob, shift: Numbers) -> Blob:
    """x plus a constant -> Power or Bias."""
    return with_constant(x, shift, lambda y, v: affine(y, shift=v), lambda y, v, axis: layers.bias(y, v, axis=axis))


def taken_from(x: Blob, start: Numbers) -> Blob:
    """A constant minus x -> Power or Scale."""

    def along(y: Blob, run: Numbers, axis: int) -> Blob:
        return layers.scale(y, np.full(run.shape, -1, np.float32), run, axis=axis)

    return with_constant(x, start, lambda y, v: affine(y, scale=-1, shift=v), along)


def divided(x: Blob, numerator: Numbers) -> Blob:
    """A constant over x -> Power with exponent -1, and Scale where the constant varies."""

    def uniform(y: Blob, value: float) -> Blob:
        if 1e-30 < abs(value) < 1e30:
            return powered(affine(y, scale=1 / value), -1)
        return affine(powered(y, -1), scale=value)

    return with_constant(x, numerator, uniform, lambda y, v, axis: layers.scale(powered(y, -1), v, axis=axis))


def plus(a: Blob, b: Blob) -> Blob:
    """a + b -> Eltwise, or Bias with two bottoms."""
    if a == b:
        return affine(a, scale=2)
    return join(a, b, layers.add, lambda x, y, axis: layers.bias_by(x, y, axis=axis))


def times(a: Blob, b: Blob) -> Blob:
    """a * b -> Eltwise or Scale with two bottoms; Caffe's Scale calls BLAS once a number where no axes follow.

    One factor a channel of one image is written as (1, C) from axis 0 on: the form of SENet, which most importers know.
    """

    def along(x: Blob, y: Blob, axis: int) -> Blob:
        if axis and axis + y.rank == x.rank:
            return layers.mul(x, full(y, x.shape))
        if axis == 1 and x.shape[0] == 1:
            source = y.node.bottoms[0] if y.node.type == "Reshape" else y
            return layers.scale_by(x, layers.reshape(source, (1, *y.shape)))
        return layers.scale_by(x, y, axis=axis)

    return gated(a, b) or gated(b, a) or join(a, b, layers.mul, along)


def larger(a: Blob, b: Blob) -> Blob:
    """max(a, b) -> Eltwise of both in full."""
    shape = common(a, b)
    return layers.eltwise("MAX", full(a, shape), full(b, shape))


def at_least(x: Blob, floor: Numbers) -> Blob:
    """max(x, constant) -> Clip, or Eltwise with a blob that holds the constant."""

    def along(y: Blob, run: Numbers, axis: int) -> Blob:
        return layers.eltwise("MAX", y, layers.scale(layers.power(y, power=0), run, axis=axis))

    return with_constant(x, floor, lambda y, v: clipped(y, v, np.inf), along)


def at_most(x: Blob, ceiling: Numbers) -> Blob:
    """min(x, constant) -> Clip, or the negative of a maximum."""

    def along(y: Blob, run: Numbers, axis: int) -> Blob:
        negated = layers.scale(layers.power(y, power=0), -run, axis=axis)
        return negative(layers.eltwise("MAX", negative(y), negated))

    return with_constant(x, ceiling, lambda y, v: clipped(y, -np.inf, v), along)


def negative(x: Blob) -> Blob:
    """-x."""
    return affine(x, scale=-1)


def parts(values: tuple[Value, ...]) -> tuple[list[Blob], list[Numbers]]:
    """The computed operands and the constant ones."""
    return [v for v in values if isinstance(v, Blob)], [numbers(v) for v in values if isinstance(v, Const)]


@lowers("Sum", "Add")
@elementwise
def add(*values: Value) -> Blob:
    """Sum of any number of operands, the constants first among themselves."""
    blobs, constants = parts(values)
    if len({blob.shape for blob in blobs}) == 1 and len(blobs) > 2:
        y = layers.eltwise("SUM", *blobs)
    else:
        y = reduce(plus, blobs)
    return shifted(y, reduce(np.add, constants)) if constants else y


@lowers("Mean")
@elementwise
def mean(*values: Value) -> Blob:
    """Mean of the operands -> their sum, scaled."""
    return affine(add(*values), scale=1 / len(values))


@lowers("Sub")
@elementwise
def sub(a: Value, b: Value) -> Blob:
    """Sub -> Eltwise with coefficients 1 and -1; elsewhere a sum with the negative."""
    if isinstance(a, Const):
        return taken_from(need_blob(b, "an operand"), numbers(a))
    if isinstance(b, Const):
        return shifted(a, -numbers(b))
    return layers.sub(a, b) if a.shape == b.shape else plus(a, negative(b))


@lowers("Mul")
@elementwise
def mul(a: Value, b: Value) -> Blob:
    """Mul -> Eltwise, Scale or Power, or the activation that a product of x and a gate of x is."""
    if isinstance(a, Const):
        a, b = b, a
    a = need_blob(a, "an operand")
    return scaled(a, numbers(b)) if isinstance(b, Const) else times(a, b)


@lowers("Div")
@elementwise
def div(a: Value, b: Value) -> Blob:
    """Div -> product with the inverse, which rounds once more than a division."""
    if isinstance(b, Const):
        with np.errstate(divide="ignore", over="ignore"):
            inverse = (1 / numbers(b).astype(np.float64)).astype(np.float32)
        require(np.isfinite(inverse).all(), "a division by zero")
        return scaled(need_blob(a, "an operand"), inverse)
    return divided(b, numbers(a)) if isinstance(a, Const) else times(a, powered(b, -1))


@lowers("Pow")
@elementwise
def pow_(a: Value, b: Value) -> Blob:
    """Pow -> Power for a constant exponent, Exp for a constant base."""
    if isinstance(a, Const):
        return _exponential(numbers(a), need_blob(b, "the exponent"))
    exponents = need_const(b, "the exponent").array.astype(np.float64)
    return with_constant(a, exponents, powered, _each_powered)


def _each_powered(x: Blob, exponents: Numbers, axis: int) -> Blob:
    """Stretches of one exponent each, cut out and put together again."""
    flat = exponents.reshape(-1)
    cuts = [*(np.flatnonzero(np.diff(flat)) + 1).tolist()]
    require(len(cuts) < MOST_EXPONENTS, f"{len(cuts) + 1} stretches of one exponent, over {MOST_EXPONENTS}")
    stretched = layers.reshape(x, (prod(x.shape[:axis]), flat.size, prod(x.shape[axis + exponents.ndim :])))
    pieces = layers.slices(stretched, 1, cuts)
    raised = [powered(piece, float(flat[at])) for piece, at in zip(pieces, [0, *cuts], strict=True)]
    return layers.reshape(layers.concat(1, *raised), x.shape)


def _exponential(base: Numbers, x: Blob) -> Blob:
    """base ** x -> Exp; a base that varies goes into the exponent as its logarithm."""
    require((base > 0).all() and np.isfinite(base).all(), "a base that is not positive")

    def uniform(y: Blob, value: float) -> Blob:
        if value == 1:
            return layers.power(y, power=0)
        return layers.neuron("Exp", y, **({} if abs(value - e) < 2e-7 else {"exp_param": {"base": value}}))

    def along(y: Blob, run: Numbers, axis: int) -> Blob:
        return layers.neuron("Exp", layers.scale(y, np.log(run), axis=axis))

    return with_constant(x, base, uniform, along)


@lowers("Max")
@elementwise
def max_(*values: Value) -> Blob:
    """Max of any number of operands -> Eltwise MAX, Clip for a constant number."""
    blobs, constants = parts(values)
    y = reduce(larger, blobs)
    return at_least(y, reduce(np.maximum, constants)) if constants else y


@lowers("Min")
@elementwise
def min_(*values: Value) -> Blob:
    """Min -> the negative of the largest negative."""
    blobs, constants = parts(values)
    y = blobs[0] if len(blobs) == 1 else negative(reduce(larger, map(negative, blobs)))
    return at_most(y, reduce(np.minimum, constants)) if constants else y


@lowers("Neg")
@elementwise
def neg(x: Blob) -> Blob:
    """Neg -> Power."""
    return negative(x)


@lowers("Reciprocal")
@elementwise
def reciprocal(x: Blob) -> Blob:
    """Reciprocal -> Power with exponent -1."""
    return powered(x, -1)


@lowers("Sqrt")
@elementwise
def sqrt(x: Blob) -> Blob:
    """Sqrt -> Power with exponent 1/2."""
    return powered(x, 0.5)
