"""Power for chips that have none, or few exponents."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.affine import rounds
from converters.caffe.graph import Blob, Node
from converters.errors import require

MOST = 8  # factors of a power


def _line(node: Node) -> tuple[float, float, float]:
    """Exponent, factor and shift."""
    return float(node.values["power"]), float(node.values["scale"]), float(node.values["shift"])


def power_by_scale(node: Node) -> Blob:
    """scale * x + shift -> the same factor and shift for every channel."""
    power, factor, shift = _line(node)
    x = node.bottoms[0]
    require(power == 1, "it has an exponent")
    require(not rounds(factor, shift), "its rounding is meant")
    require(x.rank >= 2, "there are no channels")
    channels = (x.shape[1],)
    factors, shifts = (np.full(channels, value, np.float32) for value in (factor, shift))
    return layers.scale(x, factors, shifts if shift else None)


def power_by_products(node: Node) -> Blob:
    """A whole exponent above 1 -> that many factors, by squares."""
    power, factor, shift = _line(node)
    require(power.is_integer() and 2 <= power <= MOST, "its exponent is not 2, 3 or a little more")
    base = layers.power(node.bottoms[0], scale=factor, shift=shift) if (factor, shift) != (1, 0) else node.bottoms[0]
    result, square, left = None, base, int(power)
    while left:
        if left % 2:
            result = square if result is None else layers.mul(result, square)
        left //= 2
        square = layers.mul(square, square) if left else square
    assert result is not None
    return result
