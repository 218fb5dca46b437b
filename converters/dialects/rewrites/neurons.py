"""Activations and averages for chips that lack the layer."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy
from converters.caffe.values import spatial
from converters.errors import require


def abs_by_relu(node: Node) -> Blob:
    """|x| = relu(x) + relu(-x)."""
    x = node.bottoms[0]
    return layers.add(layers.relu(x), layers.relu(layers.power(x, scale=-1)))


def prelu_by_relu(node: Node) -> Blob:
    """relu(x) - slope * relu(-x), with the slopes as factors of a Scale."""
    x, slope = node.bottoms[0], node.blobs[0]
    count = x.shape[1]
    factors = Lazy((count,), lambda: np.broadcast_to(-np.asarray(slope, np.float32).reshape(-1), (count,)))
    return layers.add(layers.relu(x), layers.scale(layers.relu(layers.power(x, scale=-1)), factors))


def average_by_convolution(node: Node) -> Blob:
    """An average over windows that lie within the padded image -> a depthwise Convolution whose taps are equal."""
    x, values = node.bottoms[0], node.values
    require(values["pool"] == "AVE" and not values["global_pooling"], "it is not an average over windows")
    require("ceil_mode" not in values, "it has the field of another engine")
    kernel, stride, pad = (spatial(values, name, 2) for name in ("kernel_size", "stride", "pad"))
    windows = zip(x.shape[2:], node.shapes[0][2:], kernel, stride, pad, strict=True)
    inside = all((out - 1) * s + k <= size + 2 * p for size, out, k, s, p in windows)
    require(inside, "a window goes beyond the padded image")
    shape = (x.shape[1], 1, *kernel)
    weight = Lazy(shape, lambda: np.full(shape, 1 / (kernel[0] * kernel[1]), np.float32))
    y = layers.depthwise(x, weight, stride=stride, pad=pad)
    require(y.shape == node.shapes[0], "Convolution rounds down")
    return y
