"""Sums and products for chips whose Eltwise has two bottoms or no coefficients."""

from __future__ import annotations

from functools import reduce

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.errors import require


def sum_of_multiples(node: Node) -> Blob:
    """A sum with coefficients -> each bottom times its own, then a plain sum: a difference by the negative."""
    coeff = node.values["coeff"]
    require(any(c != 1 for c in coeff), "it has no coefficients")
    return layers.eltwise("SUM", *map(_times, node.bottoms, coeff))


def _times(x: Blob, factor: float) -> Blob:
    return x if factor == 1 else layers.power(x, scale=factor)


def eltwise_in_pairs(node: Node) -> Blob:
    """Many bottoms -> two at a time, from the left: the order in which Caffe adds."""
    require(len(node.bottoms) > 2, "it has two bottoms")
    require(not node.values["coeff"], "it has coefficients")
    return reduce(lambda a, b: layer("Eltwise", a, b, **node.params).tops[0], node.bottoms)


def gate_by_deconvolution(node: Node) -> Blob:
    """x times one number a channel from another blob -> times a plane of it, which a Deconvolution of ones makes."""
    require(len(node.bottoms) == 2, "its factors are learned")
    x, gate = node.bottoms
    axis = node.values["axis"] % x.rank
    require(x.rank == 4 and not node.blobs, "it is not an image, or has a bias")
    shape = (*(1,) * axis, *gate.shape)
    require(shape[:2] == x.shape[:2] and set(shape[2:]) <= {1}, "its factors are not one a channel of each image")
    ones = np.ones((x.shape[1], 1, *x.shape[2:]), np.float32)
    plane = layers.reshape(gate, (*x.shape[:2], 1, 1))
    return layers.mul(x, layers.depthwise(plane, ones, transposed=True))
