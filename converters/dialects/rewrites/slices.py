"""Slice for chips that have none: one-hot Convolutions, exact for finite numbers."""

from __future__ import annotations

from math import gcd, prod

import numpy as np

from converters.caffe import layers, moves
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy, Shape
from converters.errors import require

MOST_TAPS = 16  # of a kernel with one tap that counts
MOST_WORK = 2**27  # multiplications of a selection, about as many as a convolution of a large network has


def slice_by_convolution(node: Node) -> tuple[Blob, ...]:
    """A part of the channels by a 1 x 1 Convolution, a part of an image's rows or columns by one tap a channel."""
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    require(x.rank == 4 and axis > 0, "it cuts no image, or the batch")
    starts = np.cumsum([0, *(shape[axis] for shape in node.shapes)]).tolist()
    part = _channels if axis == 1 else _lines
    work = [prod(shape) * (x.shape[1] if axis == 1 else x.shape[axis] - shape[axis] + 1) for shape in node.shapes]
    taps = 0 if axis == 1 else x.shape[axis] - min(shape[axis] for shape in node.shapes) + 1
    require(max(work) <= MOST_WORK and taps <= MOST_TAPS, "its parts would take large kernels")
    return tuple(part(x, axis, start, shape[axis]) for start, shape in zip(starts, node.shapes, strict=False))


def slice_by_blocks(node: Node) -> tuple[Blob, ...]:
    """Each part by one tap a channel, the axis being the rows of an image whose rows are as long as the cuts allow."""
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    starts = np.cumsum([0, *(shape[axis] for shape in node.shapes)]).tolist()
    return tuple(_block(x, axis, start, shape) for start, shape in zip(starts, node.shapes, strict=False))


def _block(x: Blob, axis: int, start: int, shape: Shape) -> Blob:
    size, count = x.shape[axis], shape[axis]
    block = gcd(start, count, size)
    taps = (size - count) // block + 1
    require(prod(shape) * taps <= MOST_WORK, f"a part of {count} out of {size} would take {taps} taps")
    _, inner = moves.around(x.shape, axis)
    outer = (prod(x.shape[:1]), prod(x.shape[1:axis])) if axis else (1, 1)
    image = layers.reshape(x, (*outer, size // block, block * inner))
    weight_shape = (image.shape[1], 1, taps, 1)

    def one_tap() -> np.ndarray:
        weight = np.zeros(weight_shape, np.float32)
        weight[:, 0, start // block, 0] = 1
        return weight

    return layers.reshape(layers.depthwise(image, Lazy(weight_shape, one_tap)), shape)


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
