"""What onnx and onnxruntime would abort on, never end with or misname, looked at before they see the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx
import onnx.defs

from converters.errors import ConversionError, InvalidInput, Problem
from converters.onnx import protos

MOST_NODES = 2**18  # that functions may expand to; a network of a hundred thousand nodes takes a minute
Call = tuple[str, str]


def check_sound(proto: onnx.ModelProto, path: Path) -> None:
    """Raise InvalidInput for a model that means nothing, ConversionError for one whose functions grow too large."""
    for node in (*every_node(proto.graph.node), *every_node(n for f in proto.functions for n in f.node)):
        _check_text(node, path)
        _check_split(node, path)
    _check_opset(proto, path)
    _check_calls(proto, path)


def every_node(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes, and those in their bodies."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        for item in node.attribute:
            bodies = [item.g] if item.type == onnx.AttributeProto.GRAPH else item.graphs
            waiting.extend(inner for body in bodies for inner in body.node)


def _check_text(node: onnx.NodeProto, path: Path) -> None:
    """Protobuf gives bytes where a text is no UTF-8."""
    for text in (node.name, node.op_type, node.domain, *node.input, *node.output):
        if isinstance(text, bytes):
            raise InvalidInput(f"{path}: not an ONNX model: the name {text!r} is no UTF-8")


def _check_split(node: onnx.NodeProto, path: Path) -> None:
    """Where num_outputs is below the number of outputs onnxruntime aborts, and with it the process."""
    parts = next((item.i for item in node.attribute if item.name == "num_outputs"), None)
    if protos.is_op(node, "Split") and parts is not None and parts < len(node.output):
        name = node.name or node.output[0]
        raise InvalidInput(f"{path}: Split '{name}' has num_outputs={parts} but {len(node.output)} outputs")


def _check_opset(proto: onnx.ModelProto, path: Path) -> None:
    """Demand that each of ONNX's operators is one of the model's opset."""
    own = {function.name for function in proto.functions if function.domain in protos.STANDARD}
    opset = protos.opset(proto)
    first: dict[str, int] = {}
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            first[schema.name] = min(schema.since_version, first.get(schema.name, schema.since_version))
    for node in proto.graph.node:
        since = first.get(node.op_type, 0) if protos.is_op(node) and node.op_type not in own else 0
        if opset is not None and since > opset:
            name = node.name or node.output[0]
            what = f"{node.op_type} '{name}' is of opset {since}, but the model is of opset {opset}"
            raise InvalidInput(f"{path}: {what}")


def _check_calls(proto: onnx.ModelProto, path: Path) -> None:
    """Demand that the model's functions end, and that they expand to a bounded number of nodes."""
    bodies = {(function.domain, function.name): list(every_node(function.node)) for function in proto.functions}
    calls = {name: _calls(nodes, bodies) for name, nodes in bodies.items()}
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        raise InvalidInput(f"{path}: the function '{error.args[1][0][1]}' calls itself") from error
    sizes: dict[Call, int] = {}
    for name in order:
        sizes[name] = len(bodies[name]) + sum(sizes[call] for call in calls[name])
    called = _calls(every_node(proto.graph.node), bodies)
    total = sum(sizes[call] for call in called)
    if total > MOST_NODES:
        largest = max(called, key=lambda call: sizes[call])
        reason = f"the model's functions expand to {total:,} nodes; {MOST_NODES:,} are the most"
        raise ConversionError([Problem("function", largest[1], reason)])


def _calls(nodes: Iterable[onnx.NodeProto], known: Iterable[Call]) -> list[Call]:
    return [call for node in nodes if (call := (node.domain, node.op_type)) in known]


def sort_nodes(graph: onnx.GraphProto, path: Path) -> None:
    """Put every node behind those that it reads, in place; onnxruntime's own float16 converter writes others."""
    makers = {name: at for at, node in enumerate(graph.node) for name in node.output if name}
    reads = {
        at: [makers[name] for inner in every_node([node]) for name in inner.input if name in makers]
        for at, node in enumerate(graph.node)
    }
    if all(before < at for at, befores in reads.items() for before in befores):
        return
    try:
        order = list(TopologicalSorter(reads).static_order())
    except CycleError as error:
        names = ", ".join(graph.node[at].output[0] for at in error.args[1][1:])
        raise InvalidInput(f"{path}: not valid ONNX: these values are computed from each other: {names}") from error
    protos.replace_nodes(graph, [graph.node[at] for at in order])
