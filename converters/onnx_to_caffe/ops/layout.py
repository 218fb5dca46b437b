"""DepthToSpace and SpaceToDepth, Tile and Expand, and choices by a constant mask."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Array, Shape
from converters.errors import require
from converters.onnx_to_caffe.ops.shape import pixel_shuffle
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


@lowers("DepthToSpace")
def depth_to_space(x: Value, *, blocksize: int, mode: str = "DCR") -> Blob:
    """DepthToSpace -> PixelShuffle for CRD; for DCR, whose channels are (r, r, c), a Permute."""
    x = need_blob(x, "the input")
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
def space_to_depth(x: Value, *, blocksize: int) -> Blob:
    """SpaceToDepth -> a Permute of (N, C, h, r, w, r) to (N, r, r, C, h, w)."""
    x = need_blob(x, "the input")
    n, c, h, w = x.shape
    r = blocksize
    require(h % r == 0 and w % r == 0, f"an image of {h} x {w} in blocks of {r} x {r}")
    if r == 1:
        return x
    cells = layers.reshape(x, (n, c, h // r, r, w // r, r))
    return layers.reshape(layers.permute(cells, (0, 3, 5, 1, 2, 4)), (n, c * r * r, h // r, w // r))


@lowers("Tile")
def tile(x: Value, repeats: Value) -> Blob:
    """Tile -> a Tile for each axis."""
    x = need_blob(x, "the input")
    times = need_const(repeats, "repeats").ints()
    require(all(times), "an empty result")
    for axis, tiles in sorted(enumerate(times), key=lambda item: item[1]):
        x = layers.tile(x, axis, tiles)
    return x


@lowers("Expand")
def expand(x: Value, shape: Value, *, out_shapes: Sequence[Shape]) -> Blob:
    """Expand -> a Tile for each stretch of axes that grow."""
    return moves.expand(need_blob(x, "the input"), out_shapes[0])


@lowers("Where")
def where(condition: Value, x: Value, y: Value, *, out_shapes: Sequence[Shape]) -> Blob:
    """Where -> both choices times 1 or 0, added up: exact for finite numbers. A constant choice is a Scale's bias."""
    shape = out_shapes[0]
    if isinstance(condition, Blob):
        return _where_computed(condition, x, y, shape)
    mask = np.asarray(condition.array, bool)
    if mask.all() or not mask.any():
        return _whole(x if mask.all() else y, (x, y), shape)
    first, second = _part(x, mask, shape), _part(y, ~mask, shape)
    if isinstance(first, Blob):
        if isinstance(second, Blob):
            return layers.add(_masked(first, mask, None), _masked(second, ~mask, None))
        return _masked(first, mask, second)
    return _masked(second if isinstance(second, Blob) else need_blob(y, "every choice"), ~mask, first)


def _whole(chosen: Value, both: Sequence[Value], shape: Shape) -> Blob:
    """One choice everywhere."""
    some = need_blob(next((value for value in both if isinstance(value, Blob)), chosen), "every choice")
    return moves.expand(chosen if isinstance(chosen, Blob) else moves.constant(some, chosen), shape)


def _part(value: Value, mask: npt.NDArray[np.bool_], shape: Shape) -> Blob | Array:
    """A choice at full size; a constant one with zeros where it is not chosen."""
    if isinstance(value, Blob):
        return moves.expand(value, shape)
    full = np.where(mask, np.asarray(value, np.float32), np.float32(0))
    return full.reshape((1,) * (len(shape) - full.ndim) + full.shape)


def _masked(x: Blob, mask: npt.NDArray[np.bool_], other: Array | None) -> Blob:
    """x times the mask, plus numbers where the mask is 0, as one Scale over the axes along which any of them differ."""
    factor = mask.astype(np.float32).reshape((1,) * (x.rank - mask.ndim) + mask.shape)
    arrays = [factor] if other is None else list(np.broadcast_arrays(factor, other))
    spread = [axis for axis in range(x.rank) if arrays[0].shape[axis] > 1]
    first, stop = (spread[0], spread[-1] + 1) if spread else (x.rank - 1, x.rank)
    blobs = [
        np.ascontiguousarray(np.broadcast_to(array.reshape(array.shape[first:stop]), x.shape[first:stop]))
        for array in arrays
    ]
    return layers.scale(x, *blobs, axis=first)


def _where_computed(condition: Blob, x: Value, y: Value, shape: Shape) -> Blob:
    """condition * x + (1 - condition) * y, for a condition that Caffe computes as 0 or 1."""
    chosen = moves.expand(condition, shape)
    rest = layers.power(chosen, scale=-1, shift=1)
    return layers.add(_times(chosen, x, shape), _times(rest, y, shape))


def _times(factor: Blob, value: Value, shape: Shape) -> Blob:
    if isinstance(value, Blob):
        return layers.mul(factor, moves.expand(value, shape))
    array = np.asarray(value, np.float32)
    require(np.isfinite(array).all(), "an infinite constant is chosen at run time")
    if array.size == 1:
        return layers.power(factor, scale=float(array.reshape(-1)[0]))
    return layers.scale(factor, np.ascontiguousarray(np.broadcast_to(array, shape)), axis=0)


@lowers("Trilu")
def trilu(x: Value, k: Value | None = None, *, upper: int = 1) -> Blob:
    """Trilu -> a Scale of 1 and 0 over the last two axes: exact for finite numbers."""
    x = need_blob(x, "the input")
    diagonal = need_const(k, "k").ints()[0] if k is not None else 0
    ones = np.ones(x.shape[-2:], np.float32)
    mask = np.triu(ones, diagonal) if upper else np.tril(ones, diagonal)
    return layers.scale(x, mask, axis=x.rank - 2)


@lowers("Col2Im")
def col2im(
    x: Value,
    image_shape: Value,
    block_shape: Value,
    *,
    dilations: Sequence[int] = (),
    pads: Sequence[int] = (),
    strides: Sequence[int] = (),
) -> Blob:
    """Col2Im -> a Deconvolution that adds each column's numbers up where its block lies."""
    x = need_blob(x, "the input")
    image, block = need_const(image_shape, "image_shape").ints(), need_const(block_shape, "block_shape").ints()
    axes = range(len(image))
    steps, spread = list(strides) or [1] * len(image), list(dilations) or [1] * len(image)
    begin, end = (list(pads[: len(image)]), list(pads[len(image) :])) if pads else ([0] * len(image),) * 2
    extent = [spread[i] * (block[i] - 1) + 1 for i in axes]
    counts = [(image[i] + begin[i] + end[i] - extent[i]) // steps[i] + 1 for i in axes]
    taps = int(np.prod(block))
    channels = x.shape[1] // taps
    weight = np.tile(np.eye(taps, dtype=np.float32), (channels, 1)).reshape(channels * taps, 1, *block)
    columns = layers.reshape(x, (x.shape[0], channels * taps, *counts))
    y = layers.convolution(columns, weight, stride=steps, dilation=spread, group=channels, transposed=True)
    for i in axes:
        require(begin[i] + image[i] <= y.shape[2 + i], "an image that its blocks do not reach the end of")
        y = layers.narrow(y, 2 + i, begin[i], begin[i] + image[i])
    return y
