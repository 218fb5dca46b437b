"""Scan over a known number of steps -> the nodes of its body, once for each step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from converters.onnx import protos

MOST_NODES = 10_000  # what the steps may amount to


def unroll_scans(proto: onnx.ModelProto) -> bool:
    """Unroll every Scan whose steps can be counted, in place; whether there was one. The shapes must be known.

    For opsets from 9 on: opset 8's Scan goes along the second axis of a batch, and onnx's converter forgets it.
    """
    graph = proto.graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info)
        if value.type.tensor_type.HasField("shape")
    }
    shapes |= {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        made = _unrolled(node, graph, shapes) if node.op_type == "Scan" and not node.domain else None
        nodes.extend([node] if made is None else made)
    if len(nodes) == len(graph.node) and all(new is old for new, old in zip(nodes, graph.node, strict=True)):
        return False
    protos.replace_nodes(graph, nodes)
    return True


def _unrolled(
    node: onnx.NodeProto, graph: onnx.GraphProto, shapes: dict[str, list[int]]
) -> list[onnx.NodeProto] | None:
    """The nodes in place of a Scan; None where the steps are unknown or too many, or a body has a body in it."""
    given = protos.attributes(node)
    body, count = given["body"], given["num_scan_inputs"]
    states, sequences = list(node.input[:-count]), list(node.input[-count:])
    results = len(node.output) - len(states)
    axes = _listed(given, "scan_input_axes", count)
    if any(name not in shapes for name in sequences) or any(a.g.node for n in body.node for a in n.attribute):
        return None
    steps = shapes[sequences[0]][axes[0]]
    if not 0 < steps * max(len(body.node), 1) <= MOST_NODES:
        return None
    stem = node.output[0] or next(name for name in node.output if name)
    made: list[onnx.NodeProto] = []
    rows: list[list[str]] = [[] for _ in range(results)]
    fixed = _constants(body, graph, stem)
    backwards = _listed(given, "scan_input_directions", count)
    for step in range(steps):
        names = dict(fixed)
        for i, (sequence, value) in enumerate(zip(sequences, body.input[len(states) :], strict=True)):
            names[value.name] = f"{stem}/{step}/{value.name}"
            place = np.int64(steps - 1 - step if backwards[i] else step)
            index = protos.constant(graph, f"{stem}/{step}/index_{i}", place)
            made.append(protos.node("Gather", [sequence, index], [names[value.name]], axis=axes[i]))
        names.update(zip([value.name for value in body.input[: len(states)]], states, strict=True))
        made.extend(_copied(body.node, names, f"{stem}/{step}"))
        out = [names.get(value.name, value.name) for value in body.output]
        states = out[: len(states)]
        for row, name in zip(rows, out[len(states) :], strict=True):
            row.append(name)
    made.extend(protos.node("Identity", [state], [y]) for state, y in zip(states, node.output, strict=False) if y)
    reverse = _listed(given, "scan_output_directions", results)
    along = _listed(given, "scan_output_axes", results)
    for i, (row, y) in enumerate(zip(rows, node.output[len(states) :], strict=True)):
        if y:
            made.extend(_stacked(graph, row[::-1] if reverse[i] else row, y, along[i]))
    return made


def _listed(given: dict[str, Any], name: str, count: int) -> list[int]:
    return list(given.get(name, [0] * count))


def _constants(body: onnx.GraphProto, graph: onnx.GraphProto, stem: str) -> dict[str, str]:
    """The body's own initialisers become the graph's, once for all steps."""
    names = {}
    for tensor in body.initializer:
        names[tensor.name] = f"{stem}/{tensor.name}"
        copy = onnx.TensorProto()
        copy.CopyFrom(tensor)
        copy.name = names[tensor.name]
        graph.initializer.append(copy)
    return names


def _copied(nodes: Sequence[onnx.NodeProto], names: dict[str, str], stem: str) -> list[onnx.NodeProto]:
    """The body's nodes with the names of one step, which `names` learns; outer values keep theirs."""
    copies = []
    for node in nodes:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        copy.name = f"{stem}/{node.name}" if node.name else ""
        copy.input[:] = [names.get(name, name) for name in node.input]
        names.update({name: f"{stem}/{name}" for name in node.output if name})
        copy.output[:] = [names.get(name, name) for name in node.output]
        copies.append(copy)
    return copies


def _stacked(graph: onnx.GraphProto, row: Sequence[str], y: str, axis: int) -> list[onnx.NodeProto]:
    """One output from what the steps gave."""
    place = protos.constant(graph, f"{y}/axis", [axis])
    lifted = [f"{y}/row_{i}" for i in range(len(row))]
    made = [protos.node("Unsqueeze", [value, place], [name]) for value, name in zip(row, lifted, strict=True)]
    return [*made, protos.node("Concat", lifted, [y], axis=axis)]
