"""Where and Trilu: a choice between two blobs, number by number, by a mask that is known at conversion time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Array, Shape
from converters.errors import Unsupported
from converters.onnx_to_caffe.ops.logic import chosen
from converters.onnx_to_caffe.registry import Const, Value, lowers

Mask = npt.NDArray[np.bool_]
Choice = Blob | Array  # a constant choice has axes as many as the result


@lowers("Where")
def where(condition: Value, x: Value, y: Value, *, out_shapes: Sequence[Shape]) -> Blob:
    """Where by a constant mask -> stretches of both choices side by side, or both times 1 or 0 and added up.

    By a computed one, which is a blob of ones and zeros, the latter.
    """
    if isinstance(condition, Blob):
        return chosen(condition, x, y)
    mask = np.asarray(condition.array, bool)
    return _choose(mask, _choice(x, out_shapes[0]), _choice(y, out_shapes[0]), out_shapes[0])


@lowers("Trilu")
def trilu(x: Blob, k: Const | None = None, *, upper: int = 1) -> Blob:
    """Trilu -> a choice between the input and 0."""
    diagonal = k.ints()[0] if k is not None else 0
    ones = np.ones(x.shape[-2:], bool)
    mask = np.triu(ones, diagonal) if upper else np.tril(ones, diagonal)
    return _choose(mask, x, np.zeros((1,) * x.rank, np.float32), x.shape)


def _choice(value: Value, shape: Shape) -> Choice:
    if isinstance(value, Const):
        array = np.asarray(value, np.float32)
        return array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    return moves.expand(value, shape)


def _choose(mask: Mask, x: Choice, y: Choice, shape: Shape) -> Blob:
    some = next((choice for choice in (x, y) if isinstance(choice, Blob)), None)
    if some is None:
        raise Unsupported("both choices are constants")
    mask = mask.reshape((1,) * (len(shape) - mask.ndim) + mask.shape)
    first, stop = _hull(mask.shape)
    flat = np.broadcast_to(mask.reshape(mask.shape[first:stop]), shape[first:stop]).reshape(-1)
    edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist(), flat.size]
    if len(edges) - 1 <= moves.FEW:
        view = (prod(shape[:first]), flat.size, prod(shape[stop:]))
        ours = {stretch: bool(flat[stretch[0]]) for stretch in pairwise(edges)}
        mine = iter(_stretches(x, shape, view, [stretch for stretch, own in ours.items() if own], some))
        other = iter(_stretches(y, shape, view, [stretch for stretch, own in ours.items() if not own], some))
        return layers.reshape(layers.concat(1, *(next(mine if own else other) for own in ours.values())), shape)
    return _weighted(mask, x, y)


def _hull(shape: Shape) -> tuple[int, int]:
    """The run of axes along which a mask differs, as (first, last + 1); one axis at least."""
    wide = [axis for axis, size in enumerate(shape) if size > 1]
    return (wide[0], wide[-1] + 1) if wide else (len(shape) - 1, len(shape))


def _stretches(
    choice: Choice, shape: Shape, view: Shape, stretches: Sequence[tuple[int, int]], some: Blob
) -> Sequence[Blob]:
    """Stretches of a choice along the middle axis of its view; those of a constant are cut from one blob."""
    if not stretches:
        return []
    if isinstance(choice, Blob):
        cuts = sorted({edge for stretch in stretches for edge in stretch} | {0, view[1]})
        pieces = layers.slices(layers.reshape(choice, view), 1, cuts[1:-1])
        return [pieces[cuts.index(start)] for start, _ in stretches]
    full = np.broadcast_to(choice, shape).reshape(view)
    joined = np.concatenate([full[:, start:stop] for start, stop in stretches], 1)
    ends = accumulate(stop - start for start, stop in stretches)
    return layers.slices(moves.constant(some, joined), 1, list(ends)[:-1])


def _weighted(mask: Mask, x: Choice, y: Choice) -> Blob:
    """Exact for finite numbers (an infinity times 0 is not a number). A constant is the bias of the other's Scale."""
    terms = [
        _masked(choice, kept, None if isinstance(other, Blob) else np.where(kept, np.float32(0), other))
        for choice, kept, other in ((x, mask, y), (y, ~mask, x))
        if isinstance(choice, Blob)
    ]
    return layers.add(*terms) if len(terms) > 1 else terms[0]


def _masked(x: Blob, mask: Mask, other: Array | None) -> Blob:
    """x times the mask, plus numbers where the mask is 0: one Scale over the axes along which any of them differ."""
    factor = mask.astype(np.float32)
    arrays = [factor] if other is None else list(np.broadcast_arrays(factor, other))
    first, stop = _hull(arrays[0].shape)
    blobs = [
        np.ascontiguousarray(np.broadcast_to(array.reshape(array.shape[first:stop]), x.shape[first:stop]))
        for array in arrays
    ]
    return layers.scale(x, *blobs, axis=first)
