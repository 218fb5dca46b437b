"""scale * x + shift and powers of it: one Power layer for what ONNX writes as a chain of scalar operations."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.affine import rounds
from converters.caffe.broadcast import constant
from converters.caffe.graph import Blob, layer
from converters.caffe.values import FLOAT32_END
from converters.errors import require

UNBOUNDED = 3.4e38  # a bound beyond float32
SANE = 1e30  # factors beyond this, or below its inverse, are kept apart


def linear(x: Blob) -> tuple[Blob, float, float]:
    """Read x as scale * source + shift."""
    values = x.node.values
    if x.node.type != "Power" or values["power"] != 1:
        return x, 1.0, 0.0
    return x.node.bottoms[0], values["scale"], values["shift"]


def close(a: float, b: float) -> bool:
    """Equal to float32's precision."""
    return abs(a - b) <= 2e-7 * abs(b)


def affine(x: Blob, scale: float = 1, shift: float = 0) -> Blob:
    """scale * x + shift -> Power, one for a chain of them; the third part of HardSigmoid's usual spelling ends one."""
    for number in (scale, shift):
        require(abs(number) < FLOAT32_END, f"arithmetic with {number}, which float32 does not hold")  # NaN neither
    source, factor, offset = linear(x)
    if not rounds(factor, offset) and _merges(factor * scale, offset * scale, shift):
        x, scale, shift = source, factor * scale, offset * scale + shift
    if (np.float32(scale), np.float32(shift)) == (1, 0):
        return x
    return _hard_sigmoid(x, scale, shift) or layers.power(x, scale=scale, shift=shift)


def _merges(scale: float, offset: float, shift: float) -> bool:
    """Whether two linear steps may be one: shifts that cancel would round otherwise than one after the other."""
    return offset * shift >= 0 and (scale == 0 or 1 / SANE < abs(scale) < SANE)


def _hard_sigmoid(x: Blob, scale: float, shift: float) -> Blob | None:
    """clip(a * x + b, 0, h) / h -> HardSigmoid."""
    bounds = x.node.values
    if x.node.type != "Clip" or shift or bounds["min"] != 0 or not close(bounds["max"] * scale, 1):
        return None
    source, slope, offset = linear(x.node.bottoms[0])
    return hard_sigmoid(source, slope * scale, offset * scale)


def hard_sigmoid(x: Blob, alpha: float, beta: float) -> Blob:
    """clip(alpha * x + beta, 0, 1)."""
    return layer("HardSigmoid", x, hardsigmoid_param={"alpha": float(alpha), "beta": float(beta)}).tops[0]


def powered(x: Blob, exponent: float) -> Blob:
    """x ** exponent -> Power, with the linear step before it taken in; squares and cubes -> Eltwise PROD of x alone."""
    if exponent == 1:
        return x
    if exponent in (2, 3):
        return layers.eltwise("PROD", *[x] * int(exponent))
    source, scale, shift = linear(x)
    return layers.power(source, power=exponent, scale=scale, shift=shift)


def clipped(x: Blob, low: float, high: float) -> Blob:
    """Clip as ONNX has it: where the bounds cross, the upper one is the result."""
    require(low < UNBOUNDED and high > -UNBOUNDED, f"the bounds {low} and {high}")
    if low > high:
        return constant(x, high) if high else layers.power(constant(x, 1), scale=0)
    if low <= -UNBOUNDED and high >= UNBOUNDED:
        return x
    if low == 0 and high >= UNBOUNDED:
        return layers.relu(x)
    if high == 0 and low <= -UNBOUNDED:
        return affine(layers.relu(affine(x, scale=-1)), scale=-1)
    return layers.clip(x, max(low, -3.4028235e38), min(high, 3.4028235e38))
