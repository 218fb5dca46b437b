"""Round, Floor and Ceil from a shift so large that only whole numbers are left.

From 2**23 on float32 holds whole numbers alone, so that adding 2**23 to a smaller positive number rounds it, half to
even as ONNX has it. What lies beyond 2**23 is whole already and passes by.
"""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.graph import Blob, Node

WHOLE = 2.0**23
LOWEST = -3.4028235e38


def round_by_shift(node: Node) -> Blob:
    """The size, rounded, times the sign."""
    x = node.bottoms[0]
    size = layers.neuron("AbsVal", x)
    near = layers.clip(size, LOWEST, WHOLE)
    rounded = layers.power(layers.power(near, shift=WHOLE), shift=-WHOLE)
    return layers.mul(layers.add(rounded, layers.sub(size, near)), layers.neuron("Sign", x))


def floor_by_round(node: Node) -> Blob:
    """The nearest whole number, less 1 where it lies above."""
    x = node.bottoms[0]
    nearest = layers.neuron("Round", x)
    return layers.sub(nearest, layers.neuron("Threshold", layers.sub(nearest, x)))


def ceil_by_round(node: Node) -> Blob:
    """The nearest whole number, and 1 more where it lies below."""
    x = node.bottoms[0]
    nearest = layers.neuron("Round", x)
    return layers.add(nearest, layers.neuron("Threshold", layers.sub(x, nearest)))
