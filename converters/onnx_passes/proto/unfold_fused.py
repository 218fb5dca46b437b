"""A model that onnxruntime saved after optimising it -> ONNX's own operators alone.

Such a file (`optimized_model_filepath`) holds operators of Microsoft's domain, and normalisations under ONNX's names in
opsets that do not have them.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import onnx
import onnx.shape_inference

from converters.errors import ConversionError, Problem, Unsupported, require
from converters.onnx import protos
from converters.onnx_passes.proto.fused_operators import FUSED, LAYER_NORM, Made, Place, RankUnknown


def unfold_fused(proto: onnx.ModelProto) -> None:
    """Write out every fused operator of the graph, in place; ConversionError for one that stands for nothing known.

    Some need the rank of a value behind others, so it goes on as long as that brings anything. What is left then stands
    behind operators that nobody knows.
    """
    left = sum(_unfolding(node, protos.opset(proto) or 0) is not None for node in proto.graph.node)
    before = left + 1
    while 0 < left < before:
        before, left = left, _round(proto)


def _unfolding(node: onnx.NodeProto, opset: int) -> Callable[..., Made] | None:
    """What writes a node out; None where it is no fused one."""
    if protos.is_op(node, "LayerNormalization") and opset >= LAYER_NORM:
        return None
    return FUSED.get("" if protos.is_op(node) else node.domain, {}).get(node.op_type)


def _round(proto: onnx.ModelProto) -> int:
    """Write out what can be, now; how many nodes are left."""
    graph, opset = proto.graph, protos.opset(proto) or 0
    ranks = _ranks(proto)
    read = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    taken = {*read, *(name for node in graph.node for name in node.output), *ranks}
    nodes: list[onnx.NodeProto] = []
    problems: list[Problem] = []
    left = 0
    for node in graph.node:
        write = _unfolding(node, opset)
        if write is None:
            nodes.append(node)
            continue
        try:
            nodes.extend(_written(Place(graph, opset, node, ranks, taken), write, read))
        except RankUnknown:
            nodes.append(node)
            left += 1
        except Unsupported as error:
            problems.append(protos.problem(node, error.reason, error.hint))
    if problems:
        raise ConversionError(problems)
    protos.replace_nodes(graph, nodes)
    return left


def _ranks(proto: onnx.ModelProto) -> Mapping[str, int]:
    graph = onnx.shape_inference.infer_shapes(proto).graph
    typed = [value for value in (*graph.input, *graph.value_info) if value.type.tensor_type.HasField("shape")]
    found = {value.name: len(value.type.tensor_type.shape.dim) for value in typed}
    return {**found, **{tensor.name: len(tensor.dims) for tensor in graph.initializer}}


def _written(place: Place, write: Callable[..., Made], read: set[str]) -> list[onnx.NodeProto]:
    """The nodes that stand for one, the last values called as its outputs are."""
    node = place.node
    inputs = list(node.input)
    while inputs and not inputs[-1]:
        inputs.pop()
    try:
        call = inspect.signature(write).bind(place, *inputs, **_attributes(node))
        made = write(*call.args, **call.kwargs)
    except (TypeError, ValueError) as error:  # it does not fit the signature, or a value is of a wrong type
        raise Unsupported(str(error)) from error
    values = made if isinstance(made, tuple) else (made,)
    pairs = [(*values, *[""] * len(node.output))[at] for at in range(len(node.output))]
    for at, (value, name) in enumerate(zip(pairs, node.output, strict=True)):
        require(value or name not in read, f"its output number {at + 1}, '{name}', is read")
    names = {value: name for value, name in zip(pairs, node.output, strict=True) if value and name}
    for one in place.nodes:
        one.input[:] = [names.get(name, name) for name in one.input]
        one.output[:] = [names.get(name, name) for name in one.output]
    return place.nodes


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The attributes as Python values, text as text."""
    given = protos.attributes(node).items()
    return {name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in given}
