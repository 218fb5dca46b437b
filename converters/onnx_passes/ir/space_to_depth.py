"""Strided Slices that take an image's phases apart, laid side by side by a Concat -> one Conv, or one Transpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import onnx_ir as ir

from converters.onnx.graphs import constant, is_op, static_shape
from converters.onnx_passes.slices import ranges

FEW = 8  # channels up to which a dense Conv costs less than moving the numbers


@dataclass(frozen=True)
class Phases:
    """Slices x[.., i::r, .., j::s, ..] of one value: its two axes, their steps, and (i, j) in the Concat's order."""

    source: ir.Value
    axes: tuple[int, int]
    steps: tuple[int, int]
    offsets: tuple[tuple[int, int], ...]


def space_to_depth(model: ir.Model) -> None:
    """Replace the Slices and Concat of a YOLO Focus or a Swin patch merging, in place."""
    for node in list(model.graph):
        found = _phases(node) if is_op(node, "Concat") else None
        if found is not None:
            shape = static_shape(found.source) or ()
            axis = node.attributes.get_int("axis", 0) % len(shape)
            if len(shape) == 4 and axis == 1 and found.axes == (2, 3) and shape[1] <= FEW:
                _as_conv(model.graph, node, found, shape[1])
            elif (order := _order(found)) is not None and axis not in found.axes:
                _as_transpose(model.graph, node, found, order, shape, axis)


def _phases(concat: ir.Node) -> Phases | None:
    """Read a Concat as phases of one value, where it is that and nothing else."""
    chains = [_chain(value) for value in concat.inputs]
    if len(chains) < 2 or any(chain is None for chain in chains):
        return None
    sources, kept = zip(*(chain for chain in chains if chain is not None), strict=True)
    axes = tuple(sorted(kept[0]))
    shape = static_shape(sources[0])
    if any(source is not sources[0] or tuple(sorted(k)) != axes for source, k in zip(sources, kept, strict=True)):
        return None
    if len(axes) != 2 or shape is None:
        return None
    steps = tuple(kept[0][axis].step for axis in axes)
    whole = all(
        k[axis] == range(k[axis].start, shape[axis], step) and k[axis].start < step and shape[axis] % step == 0
        for k in kept
        for axis, step in zip(axes, steps, strict=True)
    )
    offsets = tuple((k[axes[0]].start, k[axes[1]].start) for k in kept)
    return Phases(sources[0], (axes[0], axes[1]), (steps[0], steps[1]), offsets) if whole and min(steps) > 1 else None


def _chain(value: ir.Value | None) -> tuple[ir.Value, dict[int, range]] | None:
    """Follow a value up through Slices, each along axes of its own: what they slice, and the ranges by axis."""
    kept: dict[int, range] = {}
    while value is not None and (node := value.producer()) is not None and (found := ranges(node)) is not None:
        if set(found) & set(kept):
            return None
        kept.update(found)
        value = node.inputs[0]
    return (value, kept) if value is not None and kept else None


def _order(found: Phases) -> tuple[int, int] | None:
    """(0, 1) where every phase is there with the second axis running fastest, (1, 0) for the first, else None."""
    r, s = found.steps
    if found.offsets == tuple(product(range(r), range(s))):
        return 0, 1
    return (1, 0) if found.offsets == tuple((i, j) for j in range(s) for i in range(r)) else None


def _replace(graph: ir.Graph, old: ir.Node, new: Sequence[ir.Node]) -> None:
    """Put nodes in the place of one, and drop the Slices that then serve nobody."""
    notes, above = dict(old.metadata_props), [value.producer() for value in old.inputs if value is not None]
    for node in new:
        node.metadata_props.update(notes)
    ir.convenience.replace_nodes_and_values(graph, old, [old], new, old.outputs, new[-1].outputs)
    while above:
        maker = above.pop()
        if maker is None or maker.graph is not graph:
            continue  # an input, or removed already
        if not any(value.uses() or value.is_graph_output() for value in maker.outputs):
            above.extend(value.producer() for value in maker.inputs if value is not None)
            graph.remove(maker, safe=True)


def _as_conv(graph: ir.Graph, node: ir.Node, found: Phases, channels: int) -> None:
    weight = np.zeros((len(found.offsets), channels, channels, *found.steps), np.float32)
    for k, (i, j) in enumerate(found.offsets):
        weight[k, range(channels), range(channels), i, j] = 1
    name = f"{node.outputs[0].name}/phases"
    value = constant(graph, name, weight.reshape(-1, channels, *found.steps))
    strides = {"strides": list(found.steps), "kernel_shape": list(found.steps)}
    _replace(graph, node, [ir.node("Conv", [found.source, value], strides)])


def _as_transpose(
    graph: ir.Graph, node: ir.Node, found: Phases, order: tuple[int, int], shape: Sequence[int], axis: int
) -> None:
    """Split both axes into (blocks, phase), move the phases before the axis that the Concat joins, and merge them."""
    split: list[int] = []
    place: dict[int, int] = {}
    phase: dict[int, int] = {}
    for i, size in enumerate(shape):
        place[i] = len(split)
        if i in found.axes:
            step = found.steps[found.axes.index(i)]
            phase[i] = len(split) + 1
            split.extend((size // step, step))
        else:
            split.append(size)
    perm = [place[i] for i in range(len(shape))]
    perm[axis:axis] = [phase[found.axes[i]] for i in order]
    name, out = node.outputs[0].name, static_shape(node.outputs[0]) or ()
    apart = ir.node("Reshape", [found.source, constant(graph, f"{name}/apart", split)])
    moved = ir.node("Transpose", [apart.outputs[0]], {"perm": perm})
    joined = ir.node("Reshape", [moved.outputs[0], constant(graph, f"{name}/joined", list(out))])
    for made, dims in ((apart, split), (moved, [split[i] for i in perm])):
        made.outputs[0].name = f"{name}/{'apart' if made is apart else 'moved'}_phases"
        made.outputs[0].shape, made.outputs[0].type = ir.Shape(dims), node.outputs[0].type
    _replace(graph, node, [apart, moved, joined])
