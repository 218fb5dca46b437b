"""Normalisations by mean and variance. Caffe's BatchNorm has no gamma and beta: a Scale follows it.

Where the statistics are the input's own, the axes are laid out so that each set of numbers is one channel of one image:
BatchNorm then takes exactly the mean and variance that are asked for, with eps inside the root as ONNX has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, layer
from converters.caffe.net import Lazy, Weights
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import add, mul, sub
from converters.onnx_to_caffe.ops.matmul import as_const
from converters.onnx_to_caffe.registry import Const, Value, lowers


def standardised(x: Blob, sets: int, eps: float) -> Blob:
    """x, read as `sets` runs of numbers of equal length, each less its mean and over its deviation."""
    runs = layers.reshape(x, (1, sets, prod(x.shape) // sets, 1))
    return layers.reshape(layers.batch_statistics(runs, eps), x.shape)


def affine(x: Blob, gamma: Value, beta: Value) -> Blob:
    """gamma * x + beta per channel; nothing where they are 1 and 0."""
    if isinstance(gamma, Const) and isinstance(beta, Const):
        return x if _trivial(gamma, beta) else layers.scale(x, gamma, beta)
    return add(mul(x, _column(gamma, x.rank)), _column(beta, x.rank))


def trailing_affine(x: Blob, gamma: Value, beta: Value | None, axis: int) -> Blob:
    """gamma * x + beta over all axes from `axis` on, to which both broadcast: a Scale of rows."""
    whole = x.shape if isinstance(gamma, Blob) or isinstance(beta, Blob) else x.shape[axis:]
    for value in (gamma, beta):
        fits = value is None or np.broadcast_shapes(value.shape, whole) == whole
        require(fits, f"a factor or shift of shape {value.shape if value is not None else ()} for {whole}")
    if isinstance(gamma, Blob) or isinstance(beta, Blob):
        y = mul(x, gamma)
        return y if beta is None else add(y, beta)
    size = prod(x.shape[axis:])

    def flat(value: Const) -> Weights:
        return Lazy((size,), lambda: np.broadcast_to(np.asarray(value, np.float32), x.shape[axis:]).reshape(size))

    if _trivial(gamma, beta):
        return x
    rows = layers.reshape(x, (prod(x.shape[:axis]), size))
    return layers.reshape(layers.scale(rows, flat(gamma), None if beta is None else flat(beta)), x.shape)


def _trivial(gamma: Const, beta: Const | None) -> bool:
    return bool(np.all(gamma.array == 1)) and (beta is None or not np.any(beta.array))


def _column(vector: Value, rank: int) -> Value:
    """One number a channel, with axes of size 1 for what comes behind the channels."""
    shape = (*vector.shape, *(1,) * (rank - 2))
    return layers.reshape(vector, shape) if isinstance(vector, Blob) else as_const(vector.array.reshape(shape))


@lowers("BatchNormalization")
def batch_normalization(
    x: Blob,
    gamma: Value,
    beta: Value,
    mean: Value,
    var: Value,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Blob:
    """BatchNormalization in inference -> BatchNorm, Scale. A blob of one axis holds one channel."""
    require(not training_mode, "training_mode=1: statistics of the batch", "export the model in eval mode")
    rows = layers.reshape(x, (x.shape[0], 1)) if x.rank == 1 else x
    if isinstance(mean, Const) and isinstance(var, Const):
        normal = layers.batch_norm(rows, mean, var, epsilon)
    else:
        inverse = as_const((var.array + epsilon) ** -0.5) if isinstance(var, Const) else _inverse(var, epsilon)
        normal = mul(sub(rows, _column(mean, rows.rank)), _column(inverse, rows.rank))
    if isinstance(gamma, Const) and isinstance(beta, Const):
        return layers.reshape(layers.scale(normal, gamma, beta), x.shape)
    return layers.reshape(affine(normal, gamma, beta), x.shape)


def _inverse(variance: Blob, eps: float) -> Blob:
    """One over the deviation."""
    return layers.power(variance, power=-0.5, shift=eps)


@lowers("InstanceNormalization")
def instance_normalization(x: Blob, gamma: Value, beta: Value, *, epsilon: float = 1e-5) -> Blob:
    """InstanceNormalization -> BatchNorm with the statistics of each channel plane, Scale."""
    for value in (gamma, beta):
        require(value.shape == (x.shape[1],), f"a factor or shift of {value.shape} for {x.shape[1]} channels")
    normal = standardised(x, prod(x.shape[:2]), epsilon)
    return affine(normal, gamma, beta)


@lowers("LayerNormalization")
def layer_normalization(
    x: Blob, gamma: Value, beta: Value | None = None, *, axis: int = -1, epsilon: float = 1e-5, stash_type: int = 1
) -> tuple[Blob, Blob, Blob]:
    """LayerNormalization -> BatchNorm with the statistics of all axes from `axis` on, Scale; also those statistics."""
    require(-x.rank <= axis < x.rank, f"axis={axis} of {x.rank} axes")
    axis %= x.rank
    sets = prod(x.shape[:axis])
    y = trailing_affine(standardised(x, sets, epsilon), gamma, beta, axis)
    runs = layers.reshape(x, (1, sets, prod(x.shape) // sets, 1))
    centred = layer("MVN", runs, mvn_param={"normalize_variance": False}).tops[0]
    inverse = _inverse(layers.global_pooling(layers.power(centred, power=2), "AVE"), epsilon)
    shape = (*x.shape[:axis], *(1,) * (x.rank - axis))
    return y, layers.reshape(layers.global_pooling(runs, "AVE"), shape), layers.reshape(inverse, shape)


@lowers("MeanVarianceNormalization")
def mean_variance_normalization(x: Blob, *, axes: Sequence[int] = (0, 2, 3)) -> Blob:
    """MeanVarianceNormalization -> BatchNorm with the statistics over `axes`.

    What ONNX adds to the deviation, 1e-9, only keeps a constant input from 0 / 0; so does its square under the root.
    """
    eps = 1e-18
    chosen = {axis % x.rank for axis in axes}
    long = [axis for axis in range(x.rank) if x.shape[axis] > 1]
    kept = [axis for axis in long if axis not in chosen]
    inside = long[long.index(kept[0]) : long.index(kept[-1]) + 1] if kept else []
    if inside == kept:  # all are neighbours: they are the channels, what is before them the batch
        channels = prod(x.shape[axis] for axis in kept)
        before = prod(x.shape[: kept[0]]) if kept else 1
        runs = layers.reshape(x, (before, channels, prod(x.shape) // before // channels, 1))
        return layers.reshape(layers.batch_statistics(runs, eps), x.shape)
    order = [axis for axis in range(x.rank) if axis not in chosen] + sorted(chosen)
    normal = standardised(layers.permute(x, order), prod(x.shape[axis] for axis in kept), eps)
    return layers.permute(normal, [order.index(axis) for axis in range(x.rank)])
