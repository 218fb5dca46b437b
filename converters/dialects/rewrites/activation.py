"""Activations for engines that lack the layer."""

from __future__ import annotations

from math import log, prod

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.errors import require

HUGE = 3e38
LARGE = 2.0**50


def swish_by_sigmoid(node: Node) -> Blob:
    """x * sigmoid(beta * x)."""
    x, beta = node.bottoms[0], node.values["beta"]
    return layers.mul(x, layers.neuron("Sigmoid", x if beta == 1 else layers.power(x, scale=beta)))


def hard_sigmoid_by_clip(node: Node) -> Blob:
    """alpha * x + beta, clipped to 0 and 1."""
    line = layers.power(node.bottoms[0], scale=node.values["alpha"], shift=node.values["beta"])
    return layers.clip(line, 0, 1)


def hard_swish_by_clip(node: Node) -> Blob:
    """x times x/6 + 1/2, clipped to 0 and 1."""
    x = node.bottoms[0]
    return layers.mul(x, layers.clip(layers.power(x, scale=1 / 6, shift=0.5), 0, 1))


def mish_by_softplus(node: Node) -> Blob:
    """x * tanh(log(1 + exp(x)))."""
    x = node.bottoms[0]
    return layers.mul(x, layers.neuron("TanH", layers.neuron("BNLL", x)))


def prelu_of_four_axes(node: Node) -> Blob:
    """Caffe's PReLU takes up to 4 axes; those after the channels can be one."""
    x = node.bottoms[0]
    require(x.rank > 4, "it has few axes already")
    flat = layers.reshape(x, (*x.shape[:2], prod(x.shape[2:])))
    return layers.reshape(layers.prelu(flat, node.blobs[0]), x.shape)


def natural_log(node: Node) -> Blob:
    """log_base(shift + scale * x) from the natural logarithm, with Powers around it."""
    base, scale, shift = (node.values[field] for field in ("base", "scale", "shift"))
    require(node.params, "it is the natural logarithm already")
    inner = node.bottoms[0] if (scale, shift) == (1, 0) else layers.power(node.bottoms[0], scale=scale, shift=shift)
    y = layers.neuron("Log", inner)
    return y if base == -1 else layers.power(y, scale=1 / log(base))


def sign_by_tanh(node: Node) -> Blob:
    """tanh(huge * tanh(large * x)): the inner one keeps the product finite, the outer one is 1 from 1e-22 on.

    OpenCV's fused TanH is 0 for numbers below 3e-8, hence the power of two inside, which rounds nothing.
    """
    inner = layers.neuron("TanH", layers.power(node.bottoms[0], scale=LARGE))
    return layers.neuron("TanH", layers.power(inner, scale=HUGE))


def threshold_by_sign(node: Node) -> Blob:
    """The sign of what exceeds the threshold."""
    x, threshold = node.bottoms[0], node.values["threshold"]
    above = layers.relu(x if threshold == 0 else layers.power(x, shift=-threshold))
    return layers.neuron("Sign", above)
