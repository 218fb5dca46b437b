"""Gather and scatter at constant positions: a selection from the flat numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob

Positions = npt.NDArray[np.int64]


def _wrapped(indices: Const, size: int | Positions) -> Positions:
    """Indices counted from the front; ONNX counts negative ones from the end."""
    wrapped: Positions = np.asarray(indices.array, np.int64) % size
    return wrapped


def _numbered(shape: Shape) -> Positions:
    return np.arange(prod(shape), dtype=np.int64).reshape(shape)


def _at_elements(shape: Shape, indices: Const, axis: int) -> Positions:
    """Flat positions of GatherElements and ScatterElements: the index replaces the coordinate of one axis."""
    where = list(np.indices(indices.shape))
    where[axis] = _wrapped(indices, shape[axis])
    found: Positions = _numbered(shape)[tuple(where)]
    return found


def _at_tuples(shape: Shape, indices: Const, batch_dims: int = 0) -> Positions:
    """Flat positions of GatherND and ScatterND: the last axis of the indices holds coordinates."""
    depth = indices.shape[-1]
    tuples = _wrapped(indices, np.asarray(shape[batch_dims : batch_dims + depth], np.int64))
    batch = indices.shape[:batch_dims] + (1,) * (indices.rank - 1 - batch_dims)
    where = (*np.indices(batch)[:batch_dims], *np.moveaxis(tuples, -1, 0))
    found: Positions = _numbered(shape)[where]
    return found


@lowers("GatherElements")
def gather_elements(x: Blob, indices: Const, *, axis: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """GatherElements at constant indices."""
    found = _at_elements(x.shape, indices, axis % x.rank)
    return moves.flat_take(x, found.reshape(-1), out_shapes[0])


@lowers("GatherND")
def gather_nd(x: Blob, indices: Const, *, batch_dims: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """GatherND at constant indices."""
    found = _at_tuples(x.shape, indices, batch_dims)
    return moves.flat_take(x, found.reshape(-1), out_shapes[0])


@lowers("ScatterElements")
def scatter_elements(x: Value, indices: Const, updates: Value, *, axis: int = 0, reduction: str = "none") -> Blob:
    """ScatterElements at constant indices."""
    return _scatter(x, _at_elements(x.shape, indices, axis % x.rank), updates, reduction)


@lowers("ScatterND")
def scatter_nd(x: Value, indices: Const, updates: Value, *, reduction: str = "none") -> Blob:
    """ScatterND at constant indices."""
    return _scatter(x, _at_tuples(x.shape, indices), updates, reduction)


def _scatter(x: Value, found: Positions, updates: Value, reduction: str) -> Blob:
    """The data with the updates at some positions: a selection from data and updates laid end to end.

    With a reduction the selection is the other operand, which has the data's own number, 0 or 1 where nothing is added.
    A position that is met several times takes its updates in as many rounds.
    """
    require(reduction in REDUCTIONS, f"reduction={reduction}")
    some = need_blob(x if isinstance(x, Blob) else updates, "every input")
    data, new = (value if isinstance(value, Blob) else moves.constant(some, value) for value in (x, updates))
    positions, total = found.reshape(-1), prod(data.shape)
    for turn in _turns(positions) if reduction != "none" else [np.arange(positions.size)]:
        if reduction in ("add", "mul"):
            neutral = moves.constant(some, np.full((1, 1), reduction == "mul", np.float32))
            source = np.zeros(total, np.int64)
        else:
            neutral, source = layers.reshape(data, (1, total)), np.arange(total, dtype=np.int64)
        source[positions[turn]] = neutral.shape[1] + turn
        ends = layers.concat(1, neutral, layers.reshape(new, (1, prod(new.shape))))
        data = REDUCTIONS[reduction](data, moves.flat_take(ends, source, data.shape))
    return data


def _turns(positions: Positions) -> list[Positions]:
    """Which updates come first, second, ... at their position."""
    order = np.argsort(positions, kind="stable")
    place = np.arange(positions.size)
    begins = np.diff(positions[order], prepend=-1) != 0
    turn = np.empty_like(place)
    turn[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return [np.flatnonzero(turn == i) for i in range(int(turn.max(initial=0)) + 1)]


def _least(a: Blob, b: Blob) -> Blob:
    return layers.power(layers.eltwise("MAX", layers.power(a, scale=-1), layers.power(b, scale=-1)), scale=-1)


REDUCTIONS: dict[str, Callable[[Blob, Blob], Blob]] = {
    "none": lambda data, new: new,
    "add": layers.add,
    "mul": layers.mul,
    "max": lambda data, new: layers.eltwise("MAX", data, new),
    "min": _least,
}
