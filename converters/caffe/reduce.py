"""Reductions over any run of axes without a transpose: the run becomes one axis between what is before and after it.

Every function takes the run as [first, last) and keeps its axes, as size 1.
"""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.caffe.graph import Blob
from converters.caffe.net import Shape


def kept(x: Blob, first: int, last: int) -> Shape:
    """The shape with the run reduced to ones."""
    return (*x.shape[:first], *(1,) * (last - first), *x.shape[last:])


def sides(x: Blob, first: int, last: int) -> tuple[int, int, int]:
    """How many numbers lie before, in and after the run."""
    return prod(x.shape[:first]), prod(x.shape[first:last]), prod(x.shape[last:])


def largest(x: Blob, first: int, last: int) -> Blob:
    """The maximum over the run, by pooling."""
    return _pooled(x, "MAX", first, last)


def total(x: Blob, first: int, last: int, operation: str = "SUM") -> Blob:
    """SUM or MEAN over the run, or ASUM or SUMSQ where it ends with the last axis."""
    before, count, after = sides(x, first, last)
    if operation == "MEAN" and x.rank == 4 and first >= 2:
        return _pooled(x, "AVE", first, last)
    if after == 1:
        wide = x if first else layers.reshape(x, (1, count))  # a blob without axes is not for every engine
        return layers.reshape(layers.reduction(wide, operation, first or 1), kept(x, first, last))
    plain = x if (x.rank, first, last) == (4, 1, 2) else layers.reshape(x, (before, count, after, 1))
    weight = np.full((1, count, 1, 1), 1 / count if operation == "MEAN" else 1, np.float32)
    return layers.reshape(layers.convolution(plain, weight), kept(x, first, last))


def _pooled(x: Blob, method: str, first: int, last: int) -> Blob:
    if x.rank == 4 and (first, last) == (2, 4):
        return layers.global_pooling(x, method)
    if x.rank == 4 and first >= 2:
        return layers.pooling(x, method, (x.shape[2], 1) if first == 2 else (1, x.shape[3]))
    before, count, after = sides(x, first, last)
    batch = x.shape[0] if first else 1  # kept apart, for engines that treat the first axis in their own way
    plane = layers.reshape(x, (batch, before // batch, count, after))
    return layers.reshape(layers.pooling(plane, method, (count, 1)), kept(x, first, last))


def product(x: Blob, first: int, last: int) -> Blob:
    """The product over the run: halves times halves, what is odd kept aside until the end."""
    before, count, after = sides(x, first, last)
    y = layers.reshape(x, (before, count, after))
    aside: list[Blob] = []
    while count > 1:
        half = count // 2
        parts = layers.slices(y, 1, [half, 2 * half] if count % 2 else [half])
        aside.extend(parts[2:])
        y, count = layers.mul(*parts[:2]), half
    y = layers.eltwise("PROD", y, *aside) if aside else y
    return layers.reshape(y, kept(x, first, last))


def log_largest_share(x: Blob, first: int, last: int) -> Blob:
    """max(x) - logsumexp(x) over the run: the logarithm of the largest softmax, which is never below 1/count."""
    share = layers.softmax(layers.reshape(x, sides(x, first, last)), 1)
    top = layers.reshape(largest(share, 1, 2), kept(x, first, last))
    return layers.neuron("Log", top)


def log_sum_exp(x: Blob, first: int, last: int) -> Blob:
    """log(sum(exp(x))) over the run, without overflow."""
    return layers.sub(largest(x, first, last), log_largest_share(x, first, last))


def rank_of_largest(x: Blob, axis: int, last: bool) -> tuple[Blob, Blob]:
    """For the maximum along an axis a score of count - i (or i + 1, to find the last) at each index i that has it.

    Returns the scores, 0 elsewhere, and the best score; all are whole numbers, exact up to 2**24.
    """
    top = expand(largest(x, axis, axis + 1), x.shape)
    below = layers.neuron("Threshold", layers.sub(top, x))
    count = x.shape[axis]
    score = np.arange(1, count + 1, dtype=np.float32) if last else np.arange(count, 0, -1, dtype=np.float32)
    scores = layers.scale(below, -score, score, axis=axis)
    return scores, largest(scores, axis, axis + 1)
