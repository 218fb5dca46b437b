"""ONNX's broadcasting over Caffe's layers, which know it not: constants spread at conversion time, blobs repeated.

Scale and Bias take a second blob whose axes are a run of the first's. So the operand of fewer numbers is brought to the
shortest run of axes that holds all it varies along, and no further.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from math import prod
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.broadcast import expand, hull
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.caffe.traits import of
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, Value

Numbers = npt.NDArray[Any]
F = TypeVar("F", bound=Callable[..., Blob])


def view(x: Blob, shape: Shape) -> Blob:
    """Reshape; from before the reshapes that made x, so that a number's 0 axes need not exist in between."""
    if x.shape == tuple(shape):
        return x
    while of(x.node.type).view:
        x = x.node.bottoms[0]
    return layers.reshape(x, shape)


def raised(x: Blob, rank: int) -> Blob:
    """x with axes of size 1 put in front."""
    return view(x, (*(1,) * (rank - x.rank), *x.shape))


def elementwise(lowering: F) -> F:
    """Give a lowering numbers without axes as blobs of one axis: not every engine knows the former between layers."""

    @wraps(lowering)
    def wrapper(*values: Value | None, **attributes: Any) -> Blob:
        require(any(isinstance(v, Blob) for v in values), "no operand is computed")
        lifted = [view(v, (1,)) if isinstance(v, Blob) and not v.shape else v for v in values]
        y: Blob = lowering(*lifted, **attributes)
        return y if any(v is not None and v.shape for v in values) else view(y, ())

    return wrapper  # type: ignore[return-value]


def common(*values: Value) -> Shape:
    """The shape that ONNX broadcasts the operands to."""
    return tuple(np.broadcast_shapes(*(value.shape for value in values)))


def full(x: Blob, shape: Shape) -> Blob:
    """x repeated to the shape."""
    return expand(raised(x, len(shape)), shape)


def join(a: Blob, b: Blob, same: Callable[[Blob, Blob], Blob], along: Callable[[Blob, Blob, int], Blob]) -> Blob:
    """A commutative function of two blobs: `same` takes equal shapes, `along` a run of the first one's axes."""
    shape = common(a, b)
    a, b = raised(a, len(shape)), raised(b, len(shape))
    if a.shape == b.shape:
        return same(a, b)
    a, b = (a, b) if prod(a.shape) >= prod(b.shape) else (b, a)
    a = expand(a, shape)
    first, last = hull(b.shape)
    if first == last:
        return layers.reshape(along(layers.reshape(a, (1, prod(shape))), view(b, (1,)), 0), shape)
    if prod(shape[first:last]) == prod(shape):
        return same(a, expand(b, shape))
    return along(a, expand(view(b, b.shape[first:last]), shape[first:last]), first)


def numbers(c: Const) -> Numbers:
    """A constant operand; integers are refused, for Caffe's numbers are floats and would not wrap or truncate."""
    require(np.issubdtype(c.array.dtype, np.floating), f"arithmetic of type {c.array.dtype}")
    return c.array


def run_of(values: Numbers, shape: Shape) -> tuple[int, int, Numbers]:
    """The shortest run of axes outside which a constant does not vary, and its numbers along it."""
    values = values.reshape((1,) * (len(shape) - values.ndim) + values.shape)
    for axis in range(values.ndim):
        one = values.take([0], axis)
        values = one if (values == one).all() else values
    first, last = hull(values.shape)
    inner = values.reshape(values.shape[first:last])
    return first, last, np.broadcast_to(inner, shape[first:last])


def with_constant(
    x: Blob,
    values: Numbers,
    uniform: Callable[[Blob, float], Blob],
    along: Callable[[Blob, Numbers, int], Blob],
) -> Blob:
    """A function of a blob and a constant: `uniform` takes one number, `along` numbers for a run of its axes."""
    shape = tuple(np.broadcast_shapes(x.shape, values.shape))
    x = raised(x, len(shape))
    first, last, run = run_of(values, shape)
    if first == last:
        return expand(uniform(x, float(run)), shape)
    x = expand(x, (*x.shape[:first], *shape[first:last], *x.shape[last:]))
    return expand(along(x, run, first), shape)
