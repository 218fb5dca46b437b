"""The error function and GELU through the layers that saturate of themselves, TanH and Sigmoid.

atanh(erf(x)) / x is an even function, close to a polynomial in x * x. The one below was fitted so that erf keeps its
relative precision: 1e-7 by itself, 2.5e-7 computed in float32, for numbers of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node

# Of x**12, x**10, ... 1. The first is positive, so that large numbers stay on their side.
ODD_PART = (
    *(1.41851447e-07, -5.66846168e-06, 8.76372395e-05, -0.000619784418),
    *(-0.000191831093, 0.102769056, 1.12837927),
)


def odd_polynomial(x: Blob, coefficients: Sequence[float]) -> Blob:
    """x times a polynomial in x * x, the highest coefficient first."""
    square = layers.mul(x, x)
    first, second, *rest = coefficients
    y = layers.power(square, scale=first, shift=second)
    for coefficient in rest:
        y = layers.power(layers.mul(y, square), shift=coefficient)
    return layers.mul(y, x)


def erf_by_tanh(node: Node) -> Blob:
    """tanh of an odd polynomial."""
    return layers.neuron("TanH", odd_polynomial(node.bottoms[0], ODD_PART))


def gelu_by_sigmoid(node: Node) -> Blob:
    """x * (1 + erf(x / sqrt 2)) / 2; since (1 + tanh(z)) / 2 = sigmoid(2 z), x times a sigmoid."""
    x = node.bottoms[0]
    degrees = range(2 * len(ODD_PART) - 1, 0, -2)
    stretched = [2 * c / sqrt(2) ** degree for c, degree in zip(ODD_PART, degrees, strict=True)]
    return layers.mul(x, layers.neuron("Sigmoid", odd_polynomial(x, stretched)))


def gelu_of_tanh_by_sigmoid(node: Node) -> Blob:
    """x * (1 + tanh(z)) / 2 with z = sqrt(2/pi) * (x + 0.044715 x**3), likewise."""
    x = node.bottoms[0]
    slope = 2 * sqrt(2 / pi)
    return layers.mul(x, layers.neuron("Sigmoid", odd_polynomial(x, (slope * 0.044715, slope))))
