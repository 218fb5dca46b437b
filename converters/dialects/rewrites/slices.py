"""Slice for engines that lack it, or Silence for the parts that nothing reads: Crop, or one-hot Convolutions.

A Convolution is exact for finite numbers: what it leaves out it multiplies by 0.
"""

from __future__ import annotations

from math import gcd, prod

import numpy as np

from converters.caffe import layers, moves
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.net import Lazy, Shape
from converters.errors import require

FEW_TAPS = 3  # of a kernel that costs no more than a Slice
MOST_TAPS = 16  # of a kernel with one tap that counts
MOST_WORK = 2**27  # multiplications of a selection, about as many as a convolution of a large network has


def slice_by_crop(node: Node) -> tuple[Blob, ...]:
    """Each part by a Crop, whose size comes from a blob of zeros; all but a row or two of an image by a small kernel.

    A Crop copies what it is told to and reads nothing else, so that any numbers may stand there.
    """
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    starts = np.cumsum([0, *(shape[axis] for shape in node.shapes)]).tolist()
    few = [x.rank == 4 and axis > 1 and x.shape[axis] - shape[axis] < FEW_TAPS for shape in node.shapes]
    return tuple(
        _lines(x, axis, start, shape[axis]) if small else _cropped(x, axis, start, shape)
        for start, shape, small in zip(starts, node.shapes, few, strict=False)
    )


def _cropped(x: Blob, axis: int, start: int, shape: Shape) -> Blob:
    image, at = x, axis
    if x.rank != 4 or axis < 2:
        outer = (x.shape[0], prod(x.shape[1:axis])) if axis else (1, 1)
        image, at = layers.reshape(x, (*outer, x.shape[axis], prod(x.shape[axis + 1 :]))), 2
    size, offset = list(image.shape[2:]), [0, 0]
    size[at - 2], offset[at - 2] = shape[axis], start
    part = layer("Crop", image, _zeros(x, *size), crop_param={"axis": 2, "offset": offset}).tops[0]
    return layers.reshape(part, shape)


def reading(y: Blob, x: Blob) -> Blob:
    """y as it is, by a Crop that cuts nothing off: it reads a blob made of x for its size alone."""
    image = y if y.rank == 4 else layers.reshape(y, (1, 1, prod(y.shape), 1))
    whole = layer("Crop", image, _zeros(x, *image.shape[2:]), crop_param={"axis": 2, "offset": [0, 0]}).tops[0]
    return layers.reshape(whole, y.shape)


def _zeros(x: Blob, height: int, width: int) -> Blob:
    """(1, 1, height, width) zeros: mostly what a Convolution sees beyond the border, so that few weights are stored."""
    few = moves.numbers_of_the_input(x)
    kernel = [2 - size % 2 for size in (height, width)]
    weight = np.zeros((1, few.shape[1], *kernel), np.float32)
    return layers.convolution(few, weight, pad=[size // 2 for size in (height, width)])


def slice_by_convolution(node: Node) -> tuple[Blob, ...]:
    """A part of the channels by a 1 x 1 Convolution, a part of an image's rows or columns by one tap a channel."""
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    require(x.rank == 4 and axis > 0, "it does not cut an image, or it cuts the batch")
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
