"""Layers that only say where numbers stand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, axis_of, resized, same
from converters.caffe.values import Values
from converters.errors import require


def _split(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return [bottoms[0]] * tops


def _silence(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    return []


def _concat(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = axis_of(values["axis"], len(bottoms[0]))
    rests = {(*shape[:axis], *shape[axis + 1 :]) for shape in bottoms}
    require(len(rests) == 1, f"Concat on axis {axis} of {', '.join(map(str, bottoms))}")
    return [resized(bottoms[0], axis, sum(shape[axis] for shape in bottoms))]


def _slice(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x = bottoms[0]
    axis = axis_of(values["axis"], len(x))
    points = list(values["slice_point"])
    if not points:
        require(x[axis] % tops == 0, f"Slice of {x[axis]} into {tops} equal parts")
        points = [x[axis] // tops * i for i in range(1, tops)]
    require(len(points) == tops - 1, f"{len(points)} slice points for {tops} tops")
    return [resized(x, axis, b - a) for a, b in pairwise([0, *points, x[axis]])]


def _reshape(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x, axis, num_axes = bottoms[0], values["axis"], values["num_axes"]
    axis = axis if axis >= 0 else len(x) + axis + 1
    end = len(x) if num_axes == -1 else axis + num_axes
    dims = list(values["shape"].get("dim", ()))
    require(all(axis + i < len(x) for i, d in enumerate(dims) if d == 0), "Reshape copies an axis that is not there")
    dims = [x[axis + i] if d == 0 else d for i, d in enumerate(dims)]
    known = prod(x[:axis]) * prod(x[end:]) * prod(d for d in dims if d != -1)
    if -1 in dims:
        require(known and prod(x) % known == 0, f"Reshape of {x} to {dims}")
        dims[dims.index(-1)] = prod(x) // known
    shape = (*x[:axis], *dims, *x[end:])
    require(prod(shape) == prod(x), f"Reshape of {x} to {shape}")
    return [shape]


def _flatten(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x = bottoms[0]
    first, last = axis_of(values["axis"], len(x)), axis_of(values["end_axis"], len(x))
    return [(*x[:first], prod(x[first : last + 1]), *x[last + 1 :])]


def _permute(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    order = list(values["order"])
    order += [i for i in range(len(bottoms[0])) if i not in order]
    require(sorted(order) == list(range(len(bottoms[0]))), f"Permute order {order} of {len(bottoms[0])} axes")
    return [tuple(bottoms[0][i] for i in order)]


def _shuffle(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    channels, group = bottoms[0][1], values["group"]
    require(group > 0 and channels % group == 0, f"ShuffleChannel of {channels} channels in {group} groups")
    return same(values, bottoms, tops)


def _tile(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    axis = axis_of(values["axis"], len(bottoms[0]))
    return [resized(bottoms[0], axis, bottoms[0][axis] * values["tiles"])]


RULES: dict[str, Rule] = {
    "Concat": _concat,
    "Flatten": _flatten,
    "Permute": _permute,
    "Reshape": _reshape,
    "ShuffleChannel": _shuffle,
    "Silence": _silence,
    "Slice": _slice,
    "Split": _split,
    "Tile": _tile,
}
