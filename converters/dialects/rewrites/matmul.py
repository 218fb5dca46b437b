"""The product of two computed matrices: no Caffe layer has two bottoms and a sum, so products are laid out and summed.

Each form fills one blob of G x M x K x P numbers by repeating an operand, multiplies it by the other, and sums over K.
Scale multiplies by a blob whose axes run along some of the other's, so that one operand alone has to be repeated.
"""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.net import Lazy


def _ones(*shape: int) -> Lazy:
    return Lazy(shape, lambda: np.ones(shape, np.float32))


def repeat(x: Blob, outer: int, times: int, inner: int) -> Blob:
    """(outer, inner) -> (outer, times, inner)."""
    return layers.tile(layers.reshape(x, (outer, 1, inner)), 1, times)


def sum_middle(x: Blob, outer: int, size: int, inner: int) -> Blob:
    """(outer, size, inner) -> (outer, 1, inner, 1): a 1x1 convolution with ones."""
    x = layers.reshape(x, (outer, size, inner, 1))
    return layers.convolution(x, _ones(1, size, 1, 1)) if size > 1 else x


def product_native(node: Node) -> Blob:
    """MatMul, which takes its operands one way round."""
    a, b = node.bottoms
    a = layers.permute(a, (0, 2, 1)) if node.values["trans_a"] else a
    b = layers.permute(b, (0, 2, 1)) if node.values["trans_b"] else b
    return layer("MatMul", a, b).tops[0]


def product_by_scale(node: Node) -> Blob:
    """Repeat b, multiply by a, sum over K. An operand that is a single row or column reads either way."""
    a, b = node.bottoms
    g, m, p = node.shapes[0]
    k = a.shape[1] if node.values["trans_a"] else a.shape[2]
    if node.values["trans_b"] and p > 1 and k > 1:
        b = layers.permute(b, (0, 2, 1))
    if node.values["trans_a"] or m == 1 or k == 1:
        y = _k_first(a, b, g, m, k, p)
    else:
        y = _k_third(a, b, g, m, k, p)
    return layers.reshape(y, (g, m, p))


def _k_first(a: Blob, b: Blob, g: int, m: int, k: int, p: int) -> Blob:
    """(G, K, M) and (G, K, P): b repeated to (G K, M, P), times a along the first two axes."""
    wide = repeat(b, g * k, m, p)
    return sum_middle(_times(wide, layers.reshape(a, (g * k, m))), g, k, m * p)


def _k_third(a: Blob, b: Blob, g: int, m: int, k: int, p: int) -> Blob:
    """(G, M, K) and (G, K, P): b repeated to (G, M, K, P), times a along the first three axes."""
    wide = layers.reshape(repeat(b, g, m, k * p), (g, m, k, p))
    return sum_middle(_times(wide, layers.reshape(a, (g, m, k))), g * m, k, p)


def _times(x: Blob, factor: Blob) -> Blob:
    """x times what runs along all its axes but the last; Caffe's Scale is slow where that has size 1."""
    if x.shape[-1] == 1:
        return layers.mul(x, layers.reshape(factor, x.shape))
    return layers.scale_by(x, factor)
