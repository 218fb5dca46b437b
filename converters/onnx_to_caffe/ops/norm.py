"""Normalisations. Caffe's BatchNorm has no gamma and beta: a Scale follows it."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


@lowers("BatchNormalization")
def batch_normalization(
    x: Value,
    gamma: Value,
    beta: Value,
    mean: Value,
    var: Value,
    *,
    epsilon: float = 1e-5,
    momentum: float = 0.9,
    training_mode: int = 0,
) -> Blob:
    """BatchNormalization in inference -> BatchNorm, Scale."""
    require(not training_mode, "training_mode=1: statistics of the batch", "export the model in eval mode")
    x = need_blob(x, "the input")
    stats = [need_const(value, "a statistic") for value in (mean, var)]
    normal = layers.batch_norm(x, *stats, eps=epsilon)
    return layers.scale(normal, need_const(gamma, "gamma"), need_const(beta, "beta"))
