"""Pad -> Pad layers over two axes, or selections along an axis."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from converters.caffe import layers, moves
from converters.caffe.graph import Blob, layer
from converters.caffe.shapes import resized
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, lowers

TYPES = {"constant": "CONSTANT", "reflect": "REFLECT", "edge": "REPLICATE"}


@lowers("Pad")
def pad(x: Blob, pads: Const, value: Const | None = None, axes: Const | None = None, *, mode: str = "constant") -> Blob:
    """Pad -> Slice where pads are negative, Pad over the last two axes and over each other axis as rows of an image."""
    given = pads.ints()
    along = [axis % x.rank for axis in axes.ints()] if axes is not None else list(range(x.rank))
    filler = float(value.array.reshape(-1)[0]) if value is not None else 0.0
    begin, end = [0] * x.rank, [0] * x.rank
    for i, axis in enumerate(along):
        begin[axis], end[axis] = given[i], given[len(along) + i]
    if mode == "wrap":
        return _wrap(x, begin, end)
    require(mode in TYPES, f"mode={mode}")
    for axis in range(x.rank):
        stop = x.shape[axis] - max(-end[axis], 0)
        require(max(-begin[axis], 0) < stop, "an empty result")
        x = layers.narrow(x, axis, max(-begin[axis], 0), stop)
    begin, end = [max(size, 0) for size in begin], [max(size, 0) for size in end]
    if mode == "reflect":
        fits = all(max(b, e) < size for b, e, size in zip(begin, end, x.shape, strict=True))
        require(fits, f"a reflection of {begin} and {end} in {x.shape} that starts over")
    return _padded(x, begin, end, TYPES[mode], filler)


def _wrap(x: Blob, begin: Sequence[int], end: Sequence[int]) -> Blob:
    for axis, (b, e) in enumerate(zip(begin, end, strict=True)):
        size = x.shape[axis]
        require(b + size + e > 0, "an empty result")
        x = moves.take(x, axis, [i % size for i in range(-b, size + e)])
    return x


def _padded(x: Blob, begin: Sequence[int], end: Sequence[int], kind: str, filler: float) -> Blob:
    """Pad the last two axes as an image's, and every other axis as the rows of one."""
    lead, last = x.shape[:-2], x.shape[-2:]
    sides = (begin[-2], end[-2], begin[-1], end[-1]) if x.rank > 1 else (0,)
    if any(sides):
        image = x if x.rank == 4 else layers.reshape(x, (prod(lead), 1, *last))
        y = _pad_layer(image, sides, kind, filler)
        x = layers.reshape(y, (*lead, *y.shape[2:]))
    for axis in range(1 if x.rank == 1 else x.rank - 2):
        if begin[axis] or end[axis]:
            outer, inner = moves.around(x.shape, axis)
            image = layers.reshape(x, (outer, 1, x.shape[axis], inner))
            y = _pad_layer(image, (begin[axis], end[axis], 0, 0), kind, filler)
            x = layers.reshape(y, resized(x.shape, axis, y.shape[2]))
    return x


def _pad_layer(x: Blob, sides: Sequence[int], kind: str, filler: float) -> Blob:
    """A Pad of an image by (up, down, left, right)."""
    param: dict[str, object] = {f"pad_{side}": size for side, size in zip("udlr", sides, strict=True) if size}
    if kind != "CONSTANT":
        param["pad_type"] = kind
    elif filler:
        param["pad_value"] = filler
    return layer("Pad", x, pad_param=param).tops[0]
