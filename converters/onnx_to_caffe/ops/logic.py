"""Comparisons, and what follows from them: truth values are the numbers 1 and 0, as Caffe's Threshold gives them.

A difference of two float32 numbers has the right sign whatever their sizes, and is 0 for equal ones alone.
"""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import add, mul, sub
from converters.onnx_to_caffe.parts.broadcast import elementwise
from converters.onnx_to_caffe.parts.linear import affine
from converters.onnx_to_caffe.registry import Const, Value, lowers


def above(x: Blob, threshold: float = 0) -> Blob:
    """1 where x exceeds the threshold, else 0 -> Threshold."""
    if threshold == 0:
        return layers.neuron("Threshold", x)
    return layers.neuron("Threshold", x, threshold_param={"threshold": float(threshold)})


def opposite(x: Blob) -> Blob:
    """1 where x is 0, and 0 where it is 1."""
    return affine(x, scale=-1, shift=1)


def _floats(value: Value) -> Value:
    """A constant of whole numbers or truth values as one of floats."""
    if isinstance(value, Blob) or np.issubdtype(value.array.dtype, np.floating):
        return value
    array = value.array.astype(np.float32)
    require(value.array.dtype == np.bool_ or (array == value.array).all(), "whole numbers beyond 2**24")
    return Const(value.name, ir.Tensor(array))


@lowers("Greater")
@elementwise
def greater(a: Value, b: Value) -> Blob:
    """Greater -> Threshold of the difference, or of a number itself against a constant one."""
    a, b = _floats(a), _floats(b)
    single = isinstance(b, Const) and b.array.size == 1 and b.rank <= a.rank and np.isfinite(b.array).all()
    if isinstance(a, Blob) and isinstance(b, Const) and single:
        return above(a, float(b.array.reshape(-1)[0]))
    return above(sub(a, b))


@lowers("Less")
@elementwise
def less(a: Value, b: Value) -> Blob:
    """Less -> Greater the other way round."""
    return greater(b, a)


@lowers("GreaterOrEqual")
@elementwise
def greater_or_equal(a: Value, b: Value) -> Blob:
    """GreaterOrEqual -> what Less is not."""
    return opposite(greater(b, a))


@lowers("LessOrEqual")
@elementwise
def less_or_equal(a: Value, b: Value) -> Blob:
    """LessOrEqual -> what Greater is not."""
    return opposite(greater(a, b))


@lowers("Equal")
@elementwise
def equal(a: Value, b: Value) -> Blob:
    """Equal -> what differs by nothing."""
    return opposite(above(layers.neuron("AbsVal", sub(_floats(a), _floats(b)))))


@lowers("Not")
@elementwise
def not_(x: Blob) -> Blob:
    """Not -> 1 - x."""
    return opposite(x)


@lowers("And")
@elementwise
def and_(a: Value, b: Value) -> Blob:
    """And -> the product."""
    return mul(_floats(a), _floats(b))


@lowers("Or")
@elementwise
def or_(a: Value, b: Value) -> Blob:
    """Or -> 1 - (1 - a) * (1 - b)."""
    return opposite(mul(_refuted(a), _refuted(b)))


def _refuted(value: Value) -> Value:
    if isinstance(value, Blob):
        return opposite(value)
    return Const(value.name, ir.Tensor(1 - value.array.astype(np.float32)))


@lowers("Xor")
@elementwise
def xor(a: Value, b: Value) -> Blob:
    """Xor -> the size of the difference."""
    return layers.neuron("AbsVal", sub(_floats(a), _floats(b)))


def chosen(condition: Blob, x: Value, y: Value) -> Blob:
    """x where the condition is 1, y where it is 0: both times 1 or 0 and added up, exact for finite numbers."""
    for value in (x, y):
        require(isinstance(value, Blob) or np.isfinite(value.array).all(), "a choice that is not finite")
    return add(mul(condition, x), mul(opposite(condition), y))
