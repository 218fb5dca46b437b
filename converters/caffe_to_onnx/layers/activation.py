"""Functions of one number."""

from __future__ import annotations

import math

import numpy as np
import onnx_ir as ir

from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require


@lifts("ReLU")
def relu(op: Ops, x: ir.Value, *, negative_slope: float) -> ir.Value:
    """ReLU -> Relu, with a slope LeakyRelu."""
    return op.LeakyRelu(x, alpha=negative_slope) if negative_slope else op.Relu(x)


@lifts("ReLU6")
def relu6(op: Ops, x: ir.Value, *, negative_slope: float, threshold: float) -> ir.Value:
    """ReLU6 -> Clip between 0 and the threshold."""
    require(negative_slope == 0, f"has a negative_slope of {negative_slope:g}, which forks read differently")
    return clip(op, x, min=0.0, max=threshold)


@lifts("PReLU")
def prelu(op: Ops, x: ir.Value, *, channel_shared: bool, blobs: Blobs) -> ir.Value:
    """PReLU -> PRelu, its slopes along axis 1."""
    shape = dims(x)
    require(len(shape) >= 2, f"takes two axes or more, not {len(shape)}")
    (slope,) = blobs.take(() if channel_shared else (shape[1],))
    wide = slope.reshape(1 if channel_shared else (shape[1], *(1,) * (len(shape) - 2)))
    return op.PRelu(x, op.constant(wide, "slope"))


@lifts("ELU")
def elu(op: Ops, x: ir.Value, *, alpha: float) -> ir.Value:
    """ELU -> Elu."""
    return op.Elu(x, alpha=alpha)


@lifts("Sigmoid")
def sigmoid(op: Ops, x: ir.Value) -> ir.Value:
    """Sigmoid, the same in both."""
    return op.Sigmoid(x)


@lifts("TanH")
def tanh(op: Ops, x: ir.Value) -> ir.Value:
    """TanH -> Tanh."""
    return op.Tanh(x)


@lifts("AbsVal")
def absolute(op: Ops, x: ir.Value) -> ir.Value:
    """AbsVal -> Abs."""
    return op.Abs(x)


@lifts("BNLL", "Softplus")
def bnll(op: Ops, x: ir.Value) -> ir.Value:
    """BNLL, log(1 + e^x) -> Softplus."""
    return op.Softplus(x)


@lifts("Swish")
def swish(op: Ops, x: ir.Value, *, beta: float) -> ir.Value:
    """Swish, x sigmoid(beta x) -> Sigmoid and Mul."""
    return op.Mul(x, op.Sigmoid(x if beta == 1 else op.Mul(x, beta)))


@lifts("Mish")
def mish(op: Ops, x: ir.Value) -> ir.Value:
    """Mish, x tanh(softplus(x)) -> Mish from opset 18 on."""
    return op.Mish(x) if op.opset >= 18 else op.Mul(x, op.Tanh(op.Softplus(x)))


@lifts("HardSigmoid")
def hard_sigmoid(op: Ops, x: ir.Value, *, alpha: float, beta: float) -> ir.Value:
    """HardSigmoid, alpha x + beta kept within 0 and 1; the same in both."""
    return op.HardSigmoid(x, alpha=alpha, beta=beta)


@lifts("HardSwish")
def hard_swish(op: Ops, x: ir.Value) -> ir.Value:
    """HardSwish, x relu6(x + 3) / 6 -> HardSwish from opset 14 on."""
    return op.HardSwish(x) if op.opset >= 14 else op.Mul(x, op.HardSigmoid(x, alpha=1 / 6, beta=0.5))


@lifts("Clip")
def clip(op: Ops, x: ir.Value, *, min: float | None, max: float | None) -> ir.Value:
    """Clip, the same in both; without bounds Caffe has 0 for both."""
    low, high = np.float32(min or 0), np.float32(max or 0)
    require(low <= high, f"has a min of {low:g} above its max of {high:g}, where engines disagree")
    return op.Clip(x, low, high)


@lifts("Threshold")
def threshold(op: Ops, x: ir.Value, *, threshold: float) -> ir.Value:
    """Threshold, 1 where x is above it, else 0 -> Greater."""
    return op.floats(op.Greater(x, threshold))


@lifts("Power")
def power(op: Ops, x: ir.Value, *, power: float, scale: float, shift: float) -> ir.Value:
    """Power, (shift + scale x)^power -> Mul, Add, Pow, those that do something."""
    if power * scale == 0:  # Caffe does not look at x then
        value = 1.0 if power == 0 else float(np.float32(shift) ** np.float32(power))
        return op.ConstantOfShape(op.Shape(x), value=ir.tensor(np.asarray([value], np.float32)))
    y = op.Mul(x, scale) if scale != 1 else x
    y = op.Add(y, shift) if shift != 0 else y
    return op.Pow(y, power) if power != 1 else y


@lifts("Exp")
def exp(op: Ops, x: ir.Value, *, base: float, scale: float, shift: float, dialect: str) -> ir.Value:
    """Exp, base^(shift + scale x), where base -1 is e -> Mul, Exp, Mul."""
    require(base == -1 or base > 0, f"has the base {base:g}, which must be above 0 (-1 is e)")
    if dialect == "ncnn":
        base, scale, shift = -1, 1, 0
    log = 1.0 if base == -1 else math.log(base)
    inner, outer = log * scale, math.exp(log * shift)
    y = op.Exp(op.Mul(x, inner) if inner != 1 else x)
    return op.Mul(y, outer) if outer != 1 else y


@lifts("Log")
def log(op: Ops, x: ir.Value, *, base: float, scale: float, shift: float, dialect: str) -> ir.Value:
    """Log of shift + scale x to a base, where -1 is e -> Mul, Add, Log, Mul."""
    require(base == -1 or (base > 0 and base != 1), f"has the base {base:g}, which must be above 0 and not 1 (-1 is e)")
    if dialect in ("opencv", "ncnn"):
        base, scale, shift = -1, 1, 0
    y = op.Mul(x, scale) if scale != 1 else x
    y = op.Log(op.Add(y, shift) if shift != 0 else y)
    return op.Mul(y, 1 / math.log(base)) if base != -1 else y


@lifts("Dropout")
def dropout(op: Ops, x: ir.Value, *, dropout_ratio: float, scale_train: bool) -> ir.Value:
    """Dropout -> nothing; OpenCV's and ncnn's scale_train: false makes it a factor when testing."""
    return x if scale_train else op.Mul(x, 1 - dropout_ratio)
