"""Slice for chips that have none: one-hot Convolutions, exact for finite numbers."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy
from converters.errors import require


def slice_by_convolution(node: Node) -> tuple[Blob, ...]:
    """A part of the channels by a 1 x 1 Convolution, a part of an image's rows or columns by one tap a channel."""
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    require(x.rank == 4 and axis > 0, "it cuts no image, or the batch")
    starts = np.cumsum([0, *(shape[axis] for shape in node.shapes)]).tolist()
    part = _channels if axis == 1 else _lines
    return tuple(part(x, axis, start, shape[axis]) for start, shape in zip(starts, node.shapes, strict=False))


def _channels(x: Blob, axis: int, start: int, count: int) -> Blob:
    channels = x.shape[axis]
    weight = Lazy((count, channels, 1, 1), lambda: np.eye(count, channels, start, dtype=np.float32)[..., None, None])
    return layers.convolution(x, weight)


def _lines(x: Blob, axis: int, start: int, count: int) -> Blob:
    taps = [1, 1]
    taps[axis - 2] = x.shape[axis] - count + 1
    shape = (x.shape[1], 1, *taps)

    def one_tap() -> np.ndarray:
        weight = np.zeros(shape, np.float32)
        weight[(slice(None), 0, start, 0) if axis == 2 else (slice(None), 0, 0, start)] = 1
        return weight

    return layers.depthwise(x, Lazy(shape, one_tap))
