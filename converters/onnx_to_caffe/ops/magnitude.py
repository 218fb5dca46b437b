"""Normalisations by a magnitude: RMSNormalization, LpNormalization, LRN."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, layer
from converters.errors import require
from converters.onnx_to_caffe.ops.norm import trailing_affine
from converters.onnx_to_caffe.ops.pool import magnitudes
from converters.onnx_to_caffe.registry import Value, lowers

TINY = 1e-37  # keeps a zero vector from 0 * infinity, and is lost in the sum of any other


def over_root_of_sum(x: Blob, p: int, per_number: float, shift: float) -> Blob:
    """x / (shift + per_number * sum of |x|^p along axis 1) ** (1 / p), for x of three axes (before, along, after)."""
    before, along, after = x.shape
    plane = layers.reshape(magnitudes(x, p), (1, before, along, after))
    mean = layers.pooling(plane, "AVE", (along, 1))
    inverse = layers.power(mean, power=-1 / p, scale=along * per_number, shift=shift)
    if after == 1:
        rows = layers.reshape(x, (1, before, along, 1))
        return layers.reshape(layers.scale_by(rows, layers.reshape(inverse, (1, before))), x.shape)
    return layers.mul(x, layers.tile(layers.reshape(inverse, (before, 1, after)), 1, along))


def _around(x: Blob, first: int, last: int) -> Blob:
    """x with its axes from `first` to before `last` as the middle one of three."""
    return layers.reshape(x, (prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])))


@lowers("RMSNormalization")
def rms_normalization(x: Blob, gamma: Value, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1) -> Blob:
    """RMSNormalization -> x by the power -1/2 of the mean square over all axes from `axis` on, Scale."""
    axis %= x.rank
    runs = _around(x, axis, x.rank)
    normal = over_root_of_sum(runs, 2, 1 / runs.shape[1], epsilon)
    return trailing_affine(layers.reshape(normal, x.shape), gamma, None, axis)


@lowers("LpNormalization")
def lp_normalization(x: Blob, *, axis: int = -1, p: int = 2) -> Blob:
    """LpNormalization -> x by the power -1/p of the sum of |x|^p along an axis; a zero vector stays zero."""
    require(p in (1, 2), f"p={p}")
    axis %= x.rank
    return layers.reshape(over_root_of_sum(_around(x, axis, axis + 1), p, 1, TINY), x.shape)


@lowers("LRN")
def lrn(x: Blob, *, size: int, alpha: float = 1e-4, beta: float = 0.75, bias: float = 1.0) -> Blob:
    """LRN -> LRN across channels; both divide alpha by the size, which is odd in Caffe and in onnxruntime."""
    param = {"local_size": size, "alpha": float(alpha), "beta": float(beta)}
    if bias != 1:
        param["k"] = float(bias)
    return layer("LRN", x, lrn_param=param).tops[0]
