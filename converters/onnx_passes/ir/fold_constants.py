"""Evaluate what depends on constants alone: transposed weights, dequantised weights, computed masks."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import onnx
import onnx_ir as ir

from converters.errors import ConversionError, InvalidInput, Problem
from converters.onnx import protos
from converters.onnx.graphs import problem, static_shape, value_of
from converters.onnx_passes.ort import FoldingFailed, NoKernel, evaluate
from converters.onnx_passes.sizes import refuse_large_constants


def fold_constants(model: ir.Model) -> None:
    """Replace every value that depends on initialisers alone by an initialiser, in place."""
    graph = model.graph
    constant: dict[ir.Value, None] = dict.fromkeys(graph.initializers.values())
    nodes: list[ir.Node] = []
    for node in graph:
        if all(value is None or value in constant for value in node.inputs) and not _has_subgraph(node):
            nodes.append(node)
            constant.update(dict.fromkeys(node.outputs))
    if not nodes:
        return
    refuse_large_constants(nodes)
    chosen = set(nodes)
    frontier = [
        value
        for node in nodes
        for value in node.outputs
        if value.is_graph_output() or any(user not in chosen for user, _ in value.uses())
    ]
    try:
        arrays = _evaluate(model, nodes, frontier)
    except NoKernel as error:
        reason = "onnxruntime has no kernel for it in the type of its constants"
        raise ConversionError([problem(node, reason) for node in nodes if node.op_type == error.op]) from error
    except FoldingFailed as error:
        raise InvalidInput(f"the model's constants can't be computed: {error}") from error
    problems = [_misjudged(value, arrays[value.name or ""].shape) for value in frontier]
    if found := [problem for problem in problems if problem is not None]:
        raise ConversionError(found)
    for value in frontier:
        if value.is_graph_output():
            continue  # a constant output: refused where it is lowered
        new = value_of(value.name or "", ir.Tensor(arrays[value.name or ""], name=value.name))
        ir.convenience.replace_all_uses_with(value, new)
        value.name = f"{value.name}/folded"
        graph.register_initializer(new)
    for node in reversed(nodes):
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)


def _misjudged(value: ir.Value, computed: tuple[int, ...]) -> Problem | None:
    """The blocker of a constant of another shape than was inferred for it, from which everything behind is inferred."""
    inferred, node = static_shape(value), value.producer()
    if inferred in (None, computed) or node is None:
        return None
    return problem(node, f"onnxruntime computes a constant of shape {computed}, ONNX infers {inferred}")


def _has_subgraph(node: ir.Node) -> bool:
    return any(a.type in (ir.AttributeType.GRAPH, ir.AttributeType.GRAPHS) for a in node.attributes.values())


def _evaluate(model: ir.Model, nodes: list[ir.Node], frontier: list[ir.Value]) -> dict[str, npt.NDArray[Any]]:
    feeds = {}
    for node in nodes:
        for value in node.inputs:
            if value is not None and value.is_initializer() and value.const_value is not None:
                feeds[value.name or ""] = value.const_value.numpy()
    graph = onnx.GraphProto(name="constants")
    graph.node.extend(ir.serde.serialize_node(node) for node in nodes)
    graph.input.extend(protos.value_info_of(name, array) for name, array in feeds.items())
    graph.output.extend(onnx.ValueInfoProto(name=value.name) for value in frontier)
    proto = onnx.ModelProto(graph=graph, ir_version=10)
    proto.opset_import.extend(
        onnx.OperatorSetIdProto(domain=domain, version=version) for domain, version in model.graph.opset_imports.items()
    )
    return evaluate(proto, feeds)
