"""Where the numbers stand: views, transposes, cuts and joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe.shapes import axis_of
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import lifts
from converters.errors import require


@lifts("Split")
def split(op: Ops, x: ir.Value, *, tops: Sequence[Shape]) -> tuple[ir.Value, ...]:
    """Split, the same blob several times -> nothing."""
    return (x,) * len(tops)


@lifts("Reshape")
def reshape(
    op: Ops, x: ir.Value, *, shape: Mapping[str, Any] | None, axis: int, num_axes: int, tops: Sequence[Shape]
) -> ir.Value:
    """Reshape -> Reshape; sizes that stay are 0 there, so that it fits any batch."""
    old, new = dims(x), tops[0]
    given = list((shape or {}).get("dim", ()))
    start = axis if axis >= 0 else len(old) + axis + 1
    end = len(old) if num_axes == -1 else start + num_axes
    target = [0] * start + [int(size) for size in given] + list(old[end:])
    fixed = [at < len(old) and new[at] == old[at] for at in range(len(new))]
    if start > 0 or (target and target[0] in (0, -1)):  # the batch is not written out: other sizes may be
        target = [0 if size == 0 or (at and fixed[at] and size != -1) else size for at, size in enumerate(target)]
    return x if new == old and _any_batch(target) else op.reshape(x, target)


def _any_batch(target: Sequence[int]) -> bool:
    return bool(target) and target[0] in (0, -1)


@lifts("Flatten")
def flatten(op: Ops, x: ir.Value, *, axis: int, end_axis: int, tops: Sequence[Shape]) -> ir.Value:
    """Flatten -> Flatten where two axes are left, else Reshape."""
    old, new = dims(x), tops[0]
    first, last = axis_of(axis, len(old)), axis_of(end_axis, len(old))
    require(first <= last, f"from axis {axis} to {end_axis}")
    if first == last:
        return x
    if first == 1 and last == len(old) - 1:
        return op.Flatten(x, axis=1)
    return op.reshape(x, [0 if at < first else -1 if at == first else size for at, size in enumerate(new)])


@lifts("Unsqueeze")
def unsqueeze(op: Ops, x: ir.Value, *, dim: int) -> ir.Value:
    """Unsqueeze, a new axis of size 1."""
    return op.unsqueeze(x, [dim])


@lifts("Permute")
def permute(op: Ops, x: ir.Value, *, order: Sequence[int]) -> ir.Value:
    """Permute -> Transpose; axes that the order leaves out follow in theirs."""
    rank = len(dims(x))
    whole = [*order, *(axis for axis in range(rank) if axis not in order)]
    return x if whole == list(range(rank)) else op.Transpose(x, perm=[int(axis) for axis in whole])


@lifts("Concat")
def concat(op: Ops, *xs: ir.Value, axis: int) -> ir.Value:
    """Concat; one bottom is itself, constants are a constant."""
    place = axis_of(axis, len(dims(xs[0])))
    known = [x.const_value.numpy() for x in xs if x.const_value is not None]
    if len(known) == len(xs):
        return op.constant(np.concatenate(known, place)) if len(xs) > 1 else xs[0]
    return op.Concat(*xs, axis=place) if len(xs) > 1 else xs[0]


@lifts("Slice")
def slices(
    op: Ops, x: ir.Value, *, axis: int, slice_point: Sequence[int], tops: Sequence[Shape]
) -> tuple[ir.Value, ...]:
    """Slice -> Split."""
    place = axis_of(axis, len(dims(x)))
    return op.split(x, place, [top[place] for top in tops])


@lifts("Tile")
def tile(op: Ops, x: ir.Value, *, axis: int, tiles: int | None) -> ir.Value:
    """Tile along one axis."""
    require(tiles, "has no tiles")
    rank = len(dims(x))
    place = axis_of(axis, rank)
    return op.Tile(x, op.ints([tiles or 1 if at == place else 1 for at in range(rank)])) if tiles != 1 else x


@lifts("Crop")
def crop(op: Ops, x: ir.Value, like: ir.Value, *, axis: int, offset: Sequence[int]) -> ir.Value:
    """Crop to the size of another blob -> Slice."""
    shape, wanted = dims(x), dims(like)
    place = axis_of(axis, len(shape))
    offsets = list(offset) or [0]
    starts = offsets * (len(shape) - place) if len(offsets) == 1 else offsets
    ends = [start + size for start, size in zip(starts, wanted[place:], strict=True)]
    axes = [at for at in range(place, len(shape)) if (starts[at - place], ends[at - place]) != (0, shape[at])]
    if not axes:
        return x
    return op.slice(x, [starts[at - place] for at in axes], [ends[at - place] for at in axes], axes)


@lifts("ShuffleChannel")
def shuffle_channel(op: Ops, x: ir.Value, *, group: int) -> ir.Value:
    """ShuffleChannel -> Reshape to (N, group, C/group, H, W), Transpose, Reshape back."""
    _, c, h, w = dims(x)
    if group in (1, c):
        return x
    swapped = op.Transpose(op.reshape(x, (0, group, c // group, h, w)), perm=[0, 2, 1, 3, 4])
    return op.reshape(swapped, (0, c, h, w))


@lifts("Reorg")
def reorg(op: Ops, x: ir.Value, *, stride: int | None, reverse: bool) -> ir.Value:
    """Reorg, darknet's way of taking an image apart: it reads the memory as an image of fewer and larger planes."""
    require(not reverse, "runs backwards, which forks do differently")
    (_, c, h, w), s = dims(x), stride or 1
    require(c % (s * s) == 0, f"of {c} channels by {s}")
    apart = op.Transpose(op.reshape(x, (0, c // (s * s), h, s, w, s)), perm=[0, 3, 5, 1, 2, 4])
    return op.reshape(apart, (0, c * s * s, h // s, w // s))


@lifts("PixelShuffle")
def pixel_shuffle(op: Ops, x: ir.Value, *, upscale_factor: int) -> ir.Value:
    """PixelShuffle -> DepthToSpace, channels first."""
    return op.DepthToSpace(x, blocksize=upscale_factor, mode="CRD")


@lifts("Pad")
def pad(
    op: Ops, x: ir.Value, *, pad_type: str, pad_u: int, pad_d: int, pad_l: int, pad_r: int, pad_value: float
) -> ir.Value:
    """brocolli's Pad of height and width -> Pad."""
    require(min(pad_u, pad_d, pad_l, pad_r) >= 0, "has a negative pad")
    begin, end = [*(0,) * (len(dims(x)) - 2), pad_u, pad_l], [*(0,) * (len(dims(x)) - 2), pad_d, pad_r]
    if pad_type == "CONSTANT":
        return op.pad(x, begin, end, pad_value)
    return op.Pad(x, op.ints([*begin, *end]), mode={"REPLICATE": "edge", "REFLECT": "reflect"}[pad_type])
