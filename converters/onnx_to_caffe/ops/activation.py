"""Activations of one input. Those that ONNX has under Caffe's own definition are one layer each."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.functions import apply
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import at_least, at_most, larger, negative, times
from converters.onnx_to_caffe.ops.broadcast import elementwise, numbers, run_of
from converters.onnx_to_caffe.ops.linear import affine, clipped, hard_sigmoid
from converters.onnx_to_caffe.ops.logic import above
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob, need_const

UNBOUNDED = float("inf")


@lowers("Relu")
@elementwise
def relu(x: Value) -> Blob:
    """Relu -> ReLU."""
    return layers.relu(need_blob(x, "the input"))


@lowers("LeakyRelu")
@elementwise
def leaky_relu(x: Value, *, alpha: float = 0.01) -> Blob:
    """LeakyRelu -> ReLU with a negative slope."""
    return layers.relu(need_blob(x, "the input"), alpha)


@lowers("PRelu")
@elementwise
def prelu(x: Value, slope: Value) -> Blob:
    """PRelu -> PReLU on a view whose channels are the run of axes along which the slope varies.

    A slope that does not vary is ReLU's; one that is computed multiplies the negative part.
    """
    x = need_blob(x, "the input")
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
def elu(x: Value, *, alpha: float = 1.0) -> Blob:
    """Elu -> ELU."""
    return _elu(need_blob(x, "the input"), alpha)


def _elu(x: Blob, alpha: float) -> Blob:
    return layers.neuron("ELU", x, **({} if alpha == 1 else {"elu_param": {"alpha": float(alpha)}}))


@lowers("Selu")
@elementwise
def selu(x: Value, *, alpha: float = 1.67326319217681884765625, gamma: float = 1.05070102214813232421875) -> Blob:
    """Selu -> ELU, Power."""
    return affine(_elu(need_blob(x, "the input"), alpha), scale=gamma)


@lowers("Celu")
@elementwise
def celu(x: Value, *, alpha: float = 1.0) -> Blob:
    """Celu -> ELU of x / alpha, times alpha."""
    require(alpha > 0, f"alpha={alpha}")
    return affine(_elu(affine(need_blob(x, "the input"), scale=1 / alpha), 1), scale=alpha)


@lowers("Sigmoid")
@elementwise
def sigmoid(x: Value) -> Blob:
    """Sigmoid -> Sigmoid."""
    return layers.neuron("Sigmoid", need_blob(x, "the input"))


@lowers("HardSigmoid")
@elementwise
def hard_sigmoid_(x: Value, *, alpha: float = 0.2, beta: float = 0.5) -> Blob:
    """HardSigmoid -> HardSigmoid."""
    return hard_sigmoid(need_blob(x, "the input"), alpha, beta)


@lowers("HardSwish")
@elementwise
def hard_swish(x: Value) -> Blob:
    """HardSwish -> HardSwish."""
    return layers.neuron("HardSwish", need_blob(x, "the input"))


@lowers("Tanh")
@elementwise
def tanh(x: Value) -> Blob:
    """Tanh -> TanH."""
    return layers.neuron("TanH", need_blob(x, "the input"))


@lowers("Softplus")
@elementwise
def softplus(x: Value) -> Blob:
    """Softplus -> BNLL."""
    return layers.neuron("BNLL", need_blob(x, "the input"))


@lowers("Softsign")
@elementwise
def softsign(x: Value) -> Blob:
    """x / (1 + |x|)."""
    x = need_blob(x, "the input")
    return layers.mul(x, layers.power(layers.neuron("AbsVal", x), power=-1, shift=1))


@lowers("Mish")
@elementwise
def mish(x: Value) -> Blob:
    """Mish -> Mish."""
    return layers.neuron("Mish", need_blob(x, "the input"))


@lowers("Gelu")
@elementwise
def gelu(x: Value, *, approximate: str = "none") -> Blob:
    """Gelu -> Gelu, or its approximation by tanh where that is what the model says."""
    require(approximate in ("none", "tanh"), f"approximate={approximate}")
    return apply("Gelu" if approximate == "none" else "GeluApproximation", need_blob(x, "the input"))


@lowers("Clip")
@elementwise
def clip(x: Value, low: Value | None = None, high: Value | None = None) -> Blob:
    """Clip -> Clip, or ReLU from 0 on. Bounds may be computed; where they cross, the upper one holds."""
    x = need_blob(x, "the input")
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
def thresholded_relu(x: Value, *, alpha: float = 1.0) -> Blob:
    """x where it exceeds alpha, else 0 -> Threshold, Eltwise PROD."""
    x = need_blob(x, "the input")
    return layers.mul(x, above(x, alpha))


@lowers("Shrink")
@elementwise
def shrink(x: Value, *, bias: float = 0.0, lambd: float = 0.5) -> Blob:
    """x moved towards 0 by the bias outside of [-lambd, lambd], 0 inside."""
    x = need_blob(x, "the input")
    require(lambd >= 0, f"lambd={lambd}")
    if bias == lambd:
        return layers.sub(*(layers.relu(affine(x, scale=sign, shift=-lambd)) for sign in (1, -1)))
    up, down = above(x, lambd), above(negative(x), lambd)
    if bias == 0:
        return layers.mul(x, layers.add(up, down))
    return layers.add(layers.mul(affine(x, shift=-bias), up), layers.mul(affine(x, shift=bias), down))


@lowers("Identity")
def identity(x: Value) -> Blob:
    """Nothing."""
    return need_blob(x, "the input")


@lowers("Dropout")
def dropout(x: Value, ratio: Value | None = None, training: Value | None = None, *, seed: int = 0) -> Blob:
    """Dropout at inference, or of nothing -> nothing."""
    active = training is not None and bool(need_const(training, "training_mode").array.any())
    drops = ratio is None or bool(need_const(ratio, "the ratio").array.any())
    require(not (active and drops), "training_mode: it drops numbers at random", "export the model in eval mode")
    return need_blob(x, "the input")
