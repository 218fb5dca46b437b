"""Activations of one input. Those that ONNX has under Caffe's own definition are one layer each."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import at_least, at_most, larger, negative, times
from converters.onnx_to_caffe.ops.logic import above
from converters.onnx_to_caffe.parts.broadcast import elementwise, numbers, run_of
from converters.onnx_to_caffe.parts.linear import affine, clipped, hard_sigmoid
from converters.onnx_to_caffe.registry import Const, Value, lowers

UNBOUNDED = float("inf")


@lowers("Relu")
@elementwise
def relu(x: Blob) -> Blob:
    """Relu -> ReLU."""
    return layers.relu(x)


@lowers("LeakyRelu")
@elementwise
def leaky_relu(x: Blob, *, alpha: float = 0.01) -> Blob:
    """LeakyRelu -> ReLU with a negative slope."""
    return layers.relu(x, alpha)


@lowers("PRelu")
@elementwise
def prelu(x: Blob, slope: Value) -> Blob:
    """PRelu -> PReLU on a view whose channels are the run of axes along which the slope varies.

    A slope that does not vary is ReLU's; one that is computed multiplies the negative part.
    """
    if isinstance(slope, Blob):
        below = times(layers.relu(negative(x)), slope)
        return layers.sub(layers.relu(x), below)
    require(_broadcasts_to(slope.shape, x.shape), f"a slope of {slope.shape} for an input of {x.shape}")
    first, last, run = run_of(numbers(slope), x.shape)
    if first == last:
        return layers.relu(x, float(run))
    if (first, last) == (1, 2):
        return layers.prelu(x, run)
    before, channels, after = prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])
    plane = layers.reshape(x, (before, channels, after) if after > 1 else (before, channels))
    return layers.reshape(layers.prelu(plane, run.reshape(channels)), x.shape)


def _broadcasts_to(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(have in (1, want) for have, want in pairs)


@lowers("Elu")
@elementwise
def elu(x: Blob, *, alpha: float = 1.0) -> Blob:
    """Elu -> ELU."""
    return _elu(x, alpha)


def _elu(x: Blob, alpha: float) -> Blob:
    return layers.neuron("ELU", x, **({} if alpha == 1 else {"elu_param": {"alpha": float(alpha)}}))


@lowers("Selu")
@elementwise
def selu(x: Blob, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Blob:
    """Selu -> ELU, Power."""
    return affine(_elu(x, alpha), scale=gamma)


@lowers("Celu")
@elementwise
def celu(x: Blob, *, alpha: float = 1.0) -> Blob:
    """Celu -> ELU of x / alpha, times alpha."""
    require(alpha > 0, f"alpha={alpha}")
    return affine(_elu(affine(x, scale=1 / alpha), 1), scale=alpha)


@lowers("Sigmoid")
@elementwise
def sigmoid(x: Blob) -> Blob:
    """Sigmoid -> Sigmoid."""
    return layers.neuron("Sigmoid", x)


@lowers("HardSigmoid")
@elementwise
def hard_sigmoid_(x: Blob, *, alpha: float = 0.2, beta: float = 0.5) -> Blob:
    """HardSigmoid -> HardSigmoid."""
    return hard_sigmoid(x, alpha, beta)


@lowers("HardSwish")
@elementwise
def hard_swish(x: Blob) -> Blob:
    """HardSwish -> HardSwish."""
    return layers.neuron("HardSwish", x)


@lowers("Tanh")
@elementwise
def tanh(x: Blob) -> Blob:
    """Tanh -> TanH."""
    return layers.neuron("TanH", x)


@lowers("Softplus")
@elementwise
def softplus(x: Blob) -> Blob:
    """Softplus -> BNLL."""
    return layers.neuron("BNLL", x)


@lowers("Softsign")
@elementwise
def softsign(x: Blob) -> Blob:
    """x / (1 + |x|)."""
    return layers.mul(x, layers.power(layers.neuron("AbsVal", x), power=-1, shift=1))


@lowers("Mish")
@elementwise
def mish(x: Blob) -> Blob:
    """Mish -> Mish."""
    return layers.neuron("Mish", x)


@lowers("Gelu")
@elementwise
def gelu(x: Blob, *, approximate: str = "none") -> Blob:
    """Gelu -> Gelu, or its approximation by tanh where that is what the model says."""
    require(approximate in ("none", "tanh"), f"approximate={approximate}")
    return layers.neuron("Gelu" if approximate == "none" else "GeluApproximation", x)


@lowers("Clip")
@elementwise
def clip(x: Blob, low: Value | None = None, high: Value | None = None) -> Blob:
    """Clip -> Clip, or ReLU from 0 on. Bounds may be computed; where they cross, the upper one holds."""
    for value in (low, high):
        if value is not None:
            require(prod(value.shape) == 1, f"a bound of shape {value.shape}, not one number")
    if isinstance(low, Blob) or isinstance(high, Blob):
        return _at_most(_at_least(x, low), high)
    return clipped(x, _bound(low, -UNBOUNDED), _bound(high, UNBOUNDED))


def _bound(value: Const | None, missing: float) -> float:
    return missing if value is None else float(numbers(value).reshape(-1)[0])


def _at_least(x: Blob, low: Value | None) -> Blob:
    if isinstance(low, Blob):
        return larger(x, low)
    return x if low is None else at_least(x, numbers(low))


def _at_most(x: Blob, high: Value | None) -> Blob:
    if isinstance(high, Blob):
        return negative(larger(negative(x), negative(high)))
    return x if high is None else at_most(x, numbers(high))


@lowers("ThresholdedRelu")
@elementwise
def thresholded_relu(x: Blob, *, alpha: float = 1.0) -> Blob:
    """x where it exceeds alpha, else 0 -> Threshold, Eltwise PROD."""
    return layers.mul(x, above(x, alpha))


@lowers("Shrink")
@elementwise
def shrink(x: Blob, *, bias: float = 0.0, lambd: float = 0.5) -> Blob:
    """x moved towards 0 by the bias outside of [-lambd, lambd], 0 inside."""
    require(lambd >= 0, f"lambd={lambd}")
    if bias == lambd:
        return layers.sub(*(layers.relu(affine(x, scale=sign, shift=-lambd)) for sign in (1, -1)))
    up, down = above(x, lambd), above(negative(x), lambd)
    if bias == 0:
        return layers.mul(x, layers.add(up, down))
    return layers.add(layers.mul(affine(x, shift=-bias), up), layers.mul(affine(x, shift=bias), down))


@lowers("Identity")
def identity(x: Blob) -> Blob:
    """Nothing."""
    return x


@lowers("Dropout")
def dropout(x: Blob, ratio: Const | None = None, training_mode: Const | None = None, *, seed: int = 0) -> Blob:
    """Dropout at inference, or of nothing -> nothing."""
    active = training_mode is not None and bool(training_mode.array.any())
    drops = ratio is None or bool(ratio.array.any())
    require(not (active and drops), "training_mode: it drops numbers at random", "export the model in eval mode")
    return x
