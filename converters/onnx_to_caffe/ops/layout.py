"""DepthToSpace and SpaceToDepth, Tile and Expand, Col2Im."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import require
from converters.onnx_to_caffe.ops.shape import pixel_shuffle
from converters.onnx_to_caffe.registry import Const, Value, lowers


@lowers("DepthToSpace")
def depth_to_space(x: Blob, *, blocksize: int, mode: str = "DCR") -> Blob:
    """DepthToSpace -> PixelShuffle for CRD; for DCR, whose channels are (r, r, c), a Permute."""
    n, c, h, w = x.shape
    r = blocksize
    require(c % (r * r) == 0, f"{c} channels in blocks of {r} x {r}")
    if r == 1:
        return x
    if mode == "CRD":
        return pixel_shuffle(x, r)
    cells = layers.reshape(x, (n, r, r, c // (r * r), h, w))
    return layers.reshape(layers.permute(cells, (0, 3, 4, 1, 5, 2)), (n, c // (r * r), h * r, w * r))


@lowers("SpaceToDepth")
def space_to_depth(x: Blob, *, blocksize: int, mode: str = "DCR") -> Blob:
    """SpaceToDepth -> a Permute of (N, C, h, r, w, r) to (N, r, r, C, h, w), or for CRD to (N, C, r, r, h, w)."""
    n, c, h, w = x.shape
    r = blocksize
    require(h % r == 0 and w % r == 0, f"an image of {h} x {w} in blocks of {r} x {r}")
    if r == 1:
        return x
    order = (0, 1, 3, 5, 2, 4) if mode == "CRD" else (0, 3, 5, 1, 2, 4)
    cells = layers.reshape(x, (n, c, h // r, r, w // r, r))
    return layers.reshape(layers.permute(cells, order), (n, c * r * r, h // r, w // r))


@lowers("Tile")
def tile(x: Blob, repeats: Const) -> Blob:
    """Tile -> a Tile for each axis."""
    times = repeats.ints()
    require(all(times), "an empty result")
    for axis, tiles in sorted(enumerate(times), key=lambda item: item[1]):
        x = layers.tile(x, axis, tiles)
    return x


@lowers("Expand")
def expand(x: Blob, shape: Value, *, out_shapes: Sequence[Shape]) -> Blob:
    """Expand -> a Tile for each stretch of axes that grow."""
    return moves.expand(x, out_shapes[0])


@lowers("Col2Im")
def col2im(
    x: Blob,
    image_shape: Const,
    block_shape: Const,
    *,
    dilations: Sequence[int] = (),
    pads: Sequence[int] = (),
    strides: Sequence[int] = (),
) -> Blob:
    """Col2Im -> a Deconvolution that adds each column's numbers up where its block lies."""
    image, block = image_shape.ints(), block_shape.ints()
    axes = range(len(image))
    steps, spread = list(strides) or [1] * len(image), list(dilations) or [1] * len(image)
    begin, end = (list(pads[: len(image)]), list(pads[len(image) :])) if pads else ([0] * len(image),) * 2
    extent = [spread[i] * (block[i] - 1) + 1 for i in axes]
    counts = [(image[i] + begin[i] + end[i] - extent[i]) // steps[i] + 1 for i in axes]
    taps = prod(block)
    require(taps <= x.shape[1], f"blocks of {taps:,} numbers in {x.shape[1]} channels")
    channels = x.shape[1] // taps
    weight = np.tile(np.eye(taps, dtype=np.float32), (channels, 1)).reshape(channels * taps, 1, *block)
    columns = layers.reshape(x, (x.shape[0], channels * taps, *counts))
    y = layers.convolution(columns, weight, stride=steps, dilation=spread, group=channels, transposed=True)
    for i in axes:
        require(begin[i] + image[i] <= y.shape[2 + i], "an image that its blocks do not reach the end of")
        y = layers.narrow(y, 2 + i, begin[i], begin[i] + image[i])
    return y
