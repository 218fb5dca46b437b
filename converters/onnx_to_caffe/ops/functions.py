"""Functions of one number: those that Caffe has, those that are composed, and those that only some engine has."""

from __future__ import annotations

from collections.abc import Callable

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.onnx_to_caffe.ops.arithmetic import negative
from converters.onnx_to_caffe.parts.broadcast import elementwise
from converters.onnx_to_caffe.parts.linear import affine
from converters.onnx_to_caffe.registry import lowers


@lowers("Exp")
@elementwise
def exp(x: Blob) -> Blob:
    """Exp -> Exp."""
    return layers.neuron("Exp", x)


@lowers("Log")
@elementwise
def log(x: Blob) -> Blob:
    """Log -> Log."""
    return layers.neuron("Log", x)


@lowers("Abs")
@elementwise
def abs_(x: Blob) -> Blob:
    """Abs -> AbsVal."""
    return layers.neuron("AbsVal", x)


@lowers("Sinh")
@elementwise
def sinh(x: Blob) -> Blob:
    """tanh(x) * cosh(x): near 0 a difference of exponentials would cancel."""
    return layers.mul(layers.neuron("TanH", x), _cosh(x))


@lowers("Cosh")
@elementwise
def cosh(x: Blob) -> Blob:
    """Half the sum of exp(x) and exp(-x)."""
    return _cosh(x)


def _cosh(x: Blob) -> Blob:
    up, down = layers.neuron("Exp", x), layers.neuron("Exp", x, exp_param={"scale": -1.0})
    return layers.eltwise("SUM", up, down, coeff=(0.5, 0.5))


@lowers("Asinh")
@elementwise
def asinh(x: Blob) -> Blob:
    """log(x + sqrt(x**2 + 1)) of the positive part, less that of the negative: far below 0 the sum would cancel.

    Near 0 it is right to one step of float32 at 1, for Caffe's Log takes what was added to 1.
    """

    def positive(part: Blob) -> Blob:
        root = layers.power(layers.mul(part, part), power=0.5, shift=1)
        return layers.neuron("Log", layers.add(part, root))

    return layers.sub(positive(layers.relu(x)), positive(layers.relu(negative(x))))


@lowers("Acosh")
@elementwise
def acosh(x: Blob) -> Blob:
    """log(x + sqrt(x**2 - 1))."""
    return layers.neuron("Log", layers.add(x, layers.power(layers.mul(x, x), power=0.5, shift=-1)))


@lowers("Atanh")
@elementwise
def atanh(x: Blob) -> Blob:
    """Half of log(1 + x) - log(1 - x); near 0 right to one step of float32 at 1."""
    above, below = (layers.neuron("Log", affine(x, scale=sign, shift=1)) for sign in (1, -1))
    return layers.eltwise("SUM", above, below, coeff=(0.5, -0.5))


def _applied(op: str) -> Callable[[Blob], Blob]:
    def lowering(x: Blob) -> Blob:
        return layers.neuron(op, x)

    lowering.__doc__ = f"{op} -> {op}, where an engine has it or a dialect's rewrite makes it."
    return lowering


for name in ("Erf", "Sign", "Floor", "Ceil", "Round", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan"):
    lowers(name)(elementwise(_applied(name)))
