"""LRN and batch statistics in the forms that every engine computes alike."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.errors import require


def bias_out_of_lrn(node: Node) -> Blob:
    """(k + a s)^-b = k^-b (1 + a/k s)^-b, for engines that take k for 1."""
    values = node.values
    k = values["k"]
    require(k > 0 and k != 1, f"k={k} can't be taken out")
    param = {name: value for name, value in values.given.items() if name != "k"}
    y = layer("LRN", node.bottoms[0], lrn_param={**param, "alpha": values["alpha"] / k}).tops[0]
    return layers.power(y, scale=k ** -values["beta"])


def statistics_of_one_image(node: Node) -> Blob:
    """Statistics over the batch -> the batch's planes in a row, for engines that take them image by image."""
    x = node.bottoms[0]
    require(not node.values["use_global_stats"] and x.shape[0] > 1, "it has no statistics over a batch")
    n, c, rest = x.shape[0], x.shape[1], prod(x.shape[2:])
    images = layers.slices(layers.reshape(x, (n, c, rest, 1)), 0, range(1, n))
    y = layers.batch_statistics(layers.concat(2, *images), node.values["eps"])
    parts = layers.slices(y, 2, [rest * i for i in range(1, n)])
    return layers.reshape(layers.concat(0, *parts), node.shapes[0])


def centred_over_deviation(node: Node) -> Blob:
    """Batch statistics spelled out: x less its mean, times (mean square + eps) ** -1/2 of each channel."""
    x = node.bottoms[0]
    require(not node.values["use_global_stats"] and x.shape[0] == 1, "it has no statistics of one image")
    channels = x.shape[1]
    plane = layers.reshape(x, (1, channels, prod(x.shape[2:]), 1))
    centred = layer("MVN", plane, mvn_param={"normalize_variance": False}).tops[0]
    variance = layers.global_pooling(layers.power(centred, power=2), "AVE")
    inverse = layers.power(variance, power=-0.5, shift=node.values["eps"])
    return layers.reshape(layers.scale_by(centred, layers.reshape(inverse, (1, channels))), x.shape)
