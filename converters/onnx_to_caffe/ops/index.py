"""Gather and scatter at constant positions: a selection from the flat numbers."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob, need_const

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
def gather_elements(x: Value, indices: Value, *, axis: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """GatherElements at constant indices."""
    x = need_blob(x, "the input")
    found = _at_elements(x.shape, need_const(indices, "the index"), axis % x.rank)
    return moves.flat_take(x, found.reshape(-1), out_shapes[0])


@lowers("GatherND")
def gather_nd(x: Value, indices: Value, *, batch_dims: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """GatherND at constant indices."""
    x = need_blob(x, "the input")
    found = _at_tuples(x.shape, need_const(indices, "the index"), batch_dims)
    return moves.flat_take(x, found.reshape(-1), out_shapes[0])


@lowers("ScatterElements")
def scatter_elements(x: Value, indices: Value, updates: Value, *, axis: int = 0, reduction: str = "none") -> Blob:
    """ScatterElements at constant indices."""
    require(reduction == "none", f"reduction={reduction}")
    return _scatter(x, _at_elements(x.shape, need_const(indices, "the index"), axis % x.rank), updates)


@lowers("ScatterND")
def scatter_nd(x: Value, indices: Value, updates: Value, *, reduction: str = "none") -> Blob:
    """ScatterND at constant indices."""
    require(reduction == "none", f"reduction={reduction}")
    return _scatter(x, _at_tuples(x.shape, need_const(indices, "the index")), updates)


def _scatter(x: Value, found: Positions, updates: Value) -> Blob:
    """The data with the updates at some positions: a selection from data and updates laid end to end."""
    some = need_blob(x if isinstance(x, Blob) else updates, "every input")
    ends = [
        layers.reshape(value if isinstance(value, Blob) else moves.constant(some, value), (1, prod(value.shape)))
        for value in (x, updates)
    ]
    total = prod(x.shape)
    source = np.arange(total, dtype=np.int64)
    source[found.reshape(-1)] = total + np.arange(found.size)
    return moves.flat_take(layers.concat(1, *ends), source, x.shape)
