"""Reduction for engines that lack it, and the index of the largest number."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.moves import take
from converters.caffe.reduce import rank_of_largest


def reduction_by_inner_product(node: Node) -> Blob:
    """The sum of all axes from one on is an InnerProduct with equal weights."""
    operation, axis, coeff = (node.values[field] for field in ("operation", "axis", "coeff"))
    x = node.bottoms[0]
    axis = axis % x.rank
    if operation == "ASUM":
        x = layers.neuron("AbsVal", x)
    elif operation == "SUMSQ":
        x = layers.mul(x, x)
    count = prod(x.shape[axis:])
    weight = np.full((1, count), coeff / count if operation == "MEAN" else coeff, np.float32)
    flat = x if axis else layers.reshape(x, (1, count))
    return layers.reshape(layers.inner_product(flat, weight, axis=max(axis, 1)), node.shapes[0])


def index_by_argmax(node: Node) -> Blob:
    """Caffe's ArgMax gives the last of equal numbers: for the first the axis is reversed, the index counted back."""
    x, axis, last = _wanted(node)
    if last:
        return layer("ArgMax", x, argmax_param={"axis": axis}).tops[0]
    size = x.shape[axis]
    back = layer("ArgMax", take(x, axis, range(size - 1, -1, -1)), argmax_param={"axis": axis}).tops[0]
    return layers.power(back, scale=-1, shift=size - 1)


def index_by_pooling(node: Node) -> Blob:
    """Where nothing lies below the maximum stands a score that falls, or rises, along the axis; the best is sought."""
    x, axis, last = _wanted(node)
    _, best = rank_of_largest(x, axis, last)
    return layers.power(best, shift=-1) if last else layers.power(best, scale=-1, shift=x.shape[axis])


def _wanted(node: Node) -> tuple[Blob, int, bool]:
    return node.bottoms[0], node.values["axis"], node.values["last"]
