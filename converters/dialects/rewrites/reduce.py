"""Reduction and ArgMax for engines that lack them."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.reduce import index_of_largest, largest
from converters.dialects.legalise import rewrites
from converters.errors import require


@rewrites("Reduction")
def reduction_by_inner_product(node: Node) -> Blob:
    """The sum of all axes from one on is an InnerProduct with equal weights."""
    param = node.param("reduction_param")
    operation, axis, coeff = param.get("operation", "SUM"), param.get("axis", 0), param.get("coeff", 1)
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


@rewrites("ArgMax")
def argmax_by_pooling(node: Node) -> Blob:
    """Where nothing lies below the maximum stands the index; the largest such index, as Caffe has it."""
    param = node.param("argmax_param")
    require(param.get("top_k", 1) == 1, "more than the one largest")
    x, values = node.bottoms[0], param.get("out_max_val", False)
    require("axis" in param or not values, "index and value in one blob")
    axis = param["axis"] % x.rank if "axis" in param else 1
    x = x if "axis" in param else layers.reshape(x, (x.shape[0], prod(x.shape[1:])))
    found = largest(x, axis, axis + 1) if values else index_of_largest(x, axis, last=True)
    return layers.reshape(found, node.shapes[0])
