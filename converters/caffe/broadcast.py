"""Repeat a blob along axes of size 1, which Caffe's layers of two blobs never do by themselves."""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import require


def expand(x: Blob, shape: Shape) -> Blob:
    """Repeat axes of size 1 until x has the shape, which has as many axes."""
    while x.shape != tuple(shape):
        first = next(i for i, (have, want) in enumerate(zip(x.shape, shape, strict=True)) if have != want)
        require(x.shape[first] == 1, f"{x.shape} can't be repeated to {shape}")
        last = next((i for i in range(first, x.rank) if x.shape[i] != 1), x.rank)
        x = _repeat(x, first, last, tuple(shape[first:last]))
    return x


def _repeat(x: Blob, first: int, last: int, sizes: Shape) -> Blob:
    """Give the axes from first to last, all of size 1, their sizes. Trailing axes come from an InnerProduct by ones."""
    head, tail, tiles = x.shape[:first], x.shape[last:], prod(sizes)
    if last < x.rank:
        y = layers.tile(layers.reshape(x, (*head, 1, *tail)), first, tiles)
    else:
        column = layers.reshape(x, (*head, 1)) if head else layers.reshape(x, (1, 1))
        y = layers.inner_product(column, np.ones((tiles, 1), np.float32), axis=column.rank - 1)
    return layers.reshape(y, (*head, *sizes, *tail))


def hull(shape: Shape) -> tuple[int, int]:
    """The shortest run of axes outside which all sizes are 1, as (first, last + 1); (0, 0) for a single number."""
    wide = [i for i, size in enumerate(shape) if size != 1]
    return (wide[0], wide[-1] + 1) if wide else (0, 0)


def constant(like: Blob, value: float) -> Blob:
    """A blob of `like`'s shape that holds one number; Power 0 gives 1 for anything, infinity and NaN too."""
    ones = layers.power(like, power=0)
    return ones if value == 1 else layers.power(ones, scale=value)
