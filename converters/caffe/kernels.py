"""Convolution kernels with zero taps, computed when the weights are written."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe.net import Lazy, Weights


def grown(weight: Weights, front: Sequence[int], back: Sequence[int]) -> Weights:
    """The kernel with zero taps before and after each axis, which stand for pad on one end alone."""
    if not any(front) and not any(back):
        return weight
    shape = (*weight.shape[:2], *(k + f + b for k, f, b in zip(weight.shape[2:], front, back, strict=True)))
    widths = [(0, 0), (0, 0), *zip(front, back, strict=True)]
    return Lazy(shape, lambda: np.pad(np.asarray(weight, np.float32), widths))


def spread(weight: Weights, dilation: Sequence[int]) -> Weights:
    """The kernel with its dilation written out as zero taps."""
    if set(dilation) <= {1}:
        return weight
    shape = (*weight.shape[:2], *(d * (k - 1) + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)))
    steps = (slice(None), slice(None), *(slice(None, None, d) for d in dilation))

    def compute() -> np.ndarray:
        out = np.zeros(shape, np.float32)
        out[steps] = np.asarray(weight, np.float32)
        return out

    return Lazy(shape, compute)


def grown_dilated(
    weight: Weights, front: Sequence[int], back: Sequence[int], dilation: Sequence[int]
) -> tuple[Weights, list[int]]:
    """The kernel with so many pixels of zero taps at its ends, and its dilation: 1 where those do not fit the gaps."""
    if any(f % d or b % d for f, b, d in zip(front, back, dilation, strict=True)):
        return grown(spread(weight, dilation), front, back), [1] * len(dilation)
    steps = [[f // d for f, d in zip(ends, dilation, strict=True)] for ends in (front, back)]
    return grown(weight, *steps), list(dilation)


def uneven(size: int, begin: int, extent: int, stride: int, dilation: int, count: int) -> int:
    """How much longer the pad behind an axis must be than the one before it (`begin`) for `count` windows of a stride.

    As little as that takes, and where it can be in whole steps of the dilation.
    """
    least = (count - 1) * stride + extent - size - begin  # the last window ends at this pad
    dilation = dilation if extent > 1 else 1
    enough = max(0, begin - least) + dilation  # the nearest to 0, and from there one in whole steps
    gaps = [least + spare - begin for spare in range(min(stride, enough + 1))]
    return min(gaps, key=lambda gap: (gap % dilation != 0, abs(gap)))
