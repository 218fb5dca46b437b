"""Pad for engines that have none: a one-hot convolution for a constant, slices side by side for a mirror or an edge."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers, moves
from converters.caffe.graph import Blob, Node
from converters.errors import require

WIDEST = 8  # zero taps beside the one that counts


def _sides(node: Node) -> list[tuple[int, int]]:
    """(before, after) of the rows and of the columns."""
    return [(node.values[f"pad_{a}"], node.values[f"pad_{b}"]) for a, b in ("ud", "lr")]


def pad_by_convolution(node: Node) -> Blob:
    """Zeros around each channel by a depthwise Convolution with one tap of 1; another value is added outside by a Bias.

    Caffe pads both ends alike: zero taps take the difference up, or where that is large, a Slice cuts it off.
    """
    require(node.values["pad_type"] == "CONSTANT", "it pads with values of the image")
    x, sides = node.bottoms[0], _sides(node)
    require(x.rank == 4 and min(min(side) for side in sides) >= 0, "a pad of other than four axes, or a negative one")
    taps = [abs(b - e) if abs(b - e) <= WIDEST else 0 for b, e in sides]
    row, column = (max(e - b, 0) if tap else 0 for tap, (b, e) in zip(taps, sides, strict=True))
    weight = np.zeros((x.shape[1], 1, 1 + taps[0], 1 + taps[1]), np.float32)
    weight[:, :, row, column] = 1
    y = layers.depthwise(x, weight, pad=[max(side) for side in sides])
    for axis, (before, after) in enumerate(sides, 2):
        if not taps[axis - 2]:
            surplus = max(before, after) - before
            y = layers.narrow(y, axis, surplus, surplus + node.shapes[0][axis])
    return _filled(y, sides, node.values["pad_value"])


def _filled(y: Blob, sides: list[tuple[int, int]], value: float) -> Blob:
    if value == 0:
        return y
    outside = np.full(y.shape[2:], value, np.float32)
    outside[tuple(slice(b, size - e) for (b, e), size in zip(sides, y.shape[2:], strict=True))] = 0
    return layers.bias(y, outside, axis=2)


def pad_by_selection(node: Node) -> Blob:
    """Mirrored or repeated rows, then columns, selected from the image."""
    kind = node.values["pad_type"]
    require(kind in ("REFLECT", "REPLICATE"), "it pads with a constant")
    y = node.bottoms[0]
    for axis, (before, after) in enumerate(_sides(node), y.rank - 2):
        y = _grown(y, axis, before, after, kind == "REFLECT")
    return y


def _grown(x: Blob, axis: int, before: int, after: int, mirrored: bool) -> Blob:
    """One axis padded: as few slices side by side, else what is before, the whole, and what is after."""
    size = x.shape[axis]
    wanted = [_inside(i, size, mirrored) for i in range(-before, size + after)]
    if min(before, after) < 0 or len(moves.runs(wanted)) <= moves.FEW:
        return moves.take(x, axis, wanted)
    ends = [moves.take(x, axis, end) if end else None for end in (wanted[:before], wanted[before + size :])]
    return layers.concat(axis, *(part for part in (ends[0], x, ends[1]) if part is not None))


def _inside(index: int, size: int, mirrored: bool) -> int:
    """The entry that stands at a position outside an axis."""
    if mirrored:
        return size - 1 - abs(size - 1 - abs(index))
    return min(max(index, 0), size - 1)
