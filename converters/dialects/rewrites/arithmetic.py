"""Sums with a blob of fewer axes, for engines whose only such layer is Scale."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.caffe.graph import Blob, Node, layer
from converters.errors import require


def bias_by_scale(node: Node) -> Blob:
    """A learned Bias is the bias of a Scale by ones."""
    require(len(node.bottoms) == 1, "two bottoms")
    shift = node.blobs[0]
    ones = np.ones(shift.shape, np.float32)
    return layers.scale(node.bottoms[0], ones, shift, axis=node.values["axis"])


def bias_by_sum(node: Node) -> Blob:
    """The second bottom repeated to the shape of the first, then Eltwise."""
    require(len(node.bottoms) == 2, "one bottom")
    x, shift = node.bottoms
    axis = node.values["axis"] % x.rank
    after = x.rank - axis - shift.rank
    return layers.add(x, expand(layers.reshape(shift, (*(1,) * axis, *shift.shape, *(1,) * after)), x.shape))


def eltwise_of_two_axes(node: Node) -> Blob:
    """OpenCV's Eltwise takes up to 5 axes; those after the first can be one."""
    require(len(node.shapes[0]) > 5, "it has few axes already")
    shape = node.shapes[0][0], prod(node.shapes[0][1:])
    flat = layer("Eltwise", *(layers.reshape(bottom, shape) for bottom in node.bottoms), **node.params)
    return layers.reshape(flat.tops[0], node.shapes[0])
