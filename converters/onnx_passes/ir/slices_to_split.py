"""Several Slices of one value -> one Split: one Caffe layer in place of a Slice and a Silence for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import onnx_ir as ir

from converters.onnx.graphs import constant, ints, is_op, static_shape
from converters.onnx_passes.slices import ranges


@dataclass(frozen=True)
class Cut:
    """A node that reads one stretch of an axis; a Gather at a single number drops the axis as well."""

    node: ir.Node
    axis: int
    start: int
    stop: int
    drops: bool = False


def slices_to_split(model: ir.Model) -> None:
    """Replace Slices (and Gathers at one index) of one value along one axis, where they don't overlap, in place."""
    place = {node: index for index, node in enumerate(model.graph)}
    readers: dict[tuple[ir.Value, int], list[Cut]] = {}
    for node in model.graph:
        cut = _cut(node)
        if cut is not None and node.inputs[0] is not None:
            readers.setdefault((node.inputs[0], cut.axis), []).append(cut)
    for (_, axis), cuts in readers.items():
        value = cuts[0].node.inputs[0]  # it may be a part of another Split by now
        parts = sorted({(cut.start, cut.stop) for cut in cuts})
        if value is not None and len(parts) > 1 and all(a[1] <= b[0] for a, b in pairwise(parts)):
            _join(model.graph, value, axis, parts, sorted(cuts, key=lambda cut: place[cut.node]))


def _cut(node: ir.Node) -> Cut | None:
    kept = ranges(node)
    if kept is not None:
        return _stretch(node, *next(iter(kept.items()))) if len(kept) == 1 else None
    source = node.inputs[0] if is_op(node, "Gather") else None
    shape = static_shape(source) if source is not None else None
    if not shape:
        return None
    numbers, index_shape = ints(node.inputs[1]), static_shape(node.inputs[1]) if node.inputs[1] is not None else None
    if numbers is None or index_shape is None or len(numbers) != 1 or len(index_shape) > 1:
        return None
    axis = node.attributes.get_int("axis", 0) % len(shape)
    index = numbers[0] % shape[axis]
    return Cut(node, axis, index, index + 1, drops=not index_shape)


def _stretch(node: ir.Node, axis: int, indices: range) -> Cut | None:
    return Cut(node, axis, indices.start, indices.stop) if indices.step == 1 and indices else None


def _join(graph: ir.Graph, value: ir.Value, axis: int, parts: Sequence[tuple[int, int]], cuts: Sequence[Cut]) -> None:
    """One Split for the cuts; what lies between them comes out as parts that nobody reads."""
    size = (static_shape(value) or ())[axis]
    edges = sorted({0, size, *(edge for part in parts for edge in part)})
    first = cuts[0].node.outputs[0]
    sizes = constant(graph, f"{first.name}/sizes", [stop - start for start, stop in pairwise(edges)])
    outputs = [ir.Value(name=f"{first.name}/part_{i}") for i in range(len(edges) - 1)]
    for i, output in enumerate(outputs):
        shape = list(static_shape(value) or ())
        shape[axis] = edges[i + 1] - edges[i]
        output.shape, output.type = ir.Shape(shape), value.type
    notes = dict(cuts[0].node.metadata_props)
    new = [ir.node("Split", [value, sizes], {"axis": axis}, outputs=outputs, metadata_props=notes)]
    made = []
    for cut in cuts:
        part = outputs[edges.index(cut.start)]
        if cut.drops:
            axes = constant(graph, f"{cut.node.outputs[0].name}/axes", [axis])
            new.append(ir.node("Squeeze", [part, axes], metadata_props=dict(cut.node.metadata_props)))
            part = new[-1].outputs[0]
        made.append(part)
    old = [cut.node.outputs[0] for cut in cuts]
    ir.convenience.replace_nodes_and_values(graph, cuts[0].node, [cut.node for cut in cuts], new, old, made)
