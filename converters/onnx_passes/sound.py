"""What onnx and onnxruntime would abort on, never end with or misname, looked at before they see the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx

from converters.errors import ConversionError, InvalidInput, Problem
from converters.onnx import protos
from converters.onnx_passes.schemas import check_schemas

MOST_NODES = 2**18  # that functions may expand to; a network of a hundred thousand nodes takes a minute
Call = tuple[str, str]


def check_sound(proto: onnx.ModelProto, path: Path) -> None:
    """Raise InvalidInput for a model that means nothing, ConversionError for one whose functions grow too large."""
    _check_names(_names(proto), path)
    _check_types(proto, path)
    if not proto.graph.output:
        raise InvalidInput(f"{path}: not valid ONNX: the model has no output")
    for node in (*every_node(proto.graph.node), *every_node(n for f in proto.functions for n in f.node)):
        _check_node(node, path)
        _check_split(node, path)
    check_operators(proto, path)
    _check_calls(proto, path)


def check_operators(proto: onnx.ModelProto, path: Path) -> None:
    """Hold the graph and every function to the schemas of its own opset."""
    own = {function.name for function in proto.functions if function.domain in protos.STANDARD}
    for nodes, imported in ((proto.graph.node, proto), *((one.node, one) for one in proto.functions)):
        opset = protos.opset(imported)
        if opset is not None:
            check_schemas(every_node(nodes), opset, own, path)


def every_node(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    """The nodes, and those in their bodies."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(inner for body in _bodies(node) for inner in body.node)


def _bodies(node: onnx.NodeProto) -> Iterator[onnx.GraphProto]:
    for item in node.attribute:
        yield from [item.g] if item.type == onnx.AttributeProto.GRAPH else item.graphs


def _names(proto: onnx.ModelProto) -> Iterator[str]:
    """Every name in the model but those of its nodes, and what it says of itself."""
    graphs = [proto.graph, *(body for node in every_node(proto.graph.node) for body in _bodies(node))]
    messages: list[onnx.ModelProto | onnx.GraphProto] = [proto, *graphs]
    for message in messages:
        yield from (text for field, text in message.ListFields() if field.type == field.TYPE_STRING)
    for graph in graphs:
        yield from (tensor.name for tensor in graph.initializer)
        for value in (*graph.input, *graph.output, *graph.value_info):
            yield value.name
            yield from (dim.dim_param for dim in value.type.tensor_type.shape.dim)
    for item in (*proto.opset_import, *(one for function in proto.functions for one in function.opset_import)):
        yield item.domain
    for function in proto.functions:
        yield from (function.name, function.domain, *function.input, *function.output, *function.attribute)


def _check_names(names: Iterable[str], path: Path) -> None:
    """Protobuf gives bytes where a text is no UTF-8."""
    for text in names:
        if isinstance(text, bytes):
            raise InvalidInput(f"{path}: not an ONNX model: the text {text!r} is not UTF-8")


def _check_types(proto: onnx.ModelProto, path: Path) -> None:
    """Demand that values are declared to be of types that there are; 0 is one that is not told."""
    known = onnx.TensorProto.DataType.values()
    graphs = [proto.graph, *(body for node in every_node(proto.graph.node) for body in _bodies(node))]
    for value in (value for graph in graphs for value in (*graph.input, *graph.output, *graph.value_info)):
        kind = value.type.tensor_type.elem_type
        if kind not in known:
            raise InvalidInput(f"{path}: not valid ONNX: '{value.name}' is of type {kind}, which there is not")


def _check_node(node: onnx.NodeProto, path: Path) -> None:
    _check_names((node.name, node.op_type, node.domain, *node.input, *node.output), path)
    _check_names((item.name for item in node.attribute), path)
    if not node.output:
        raise InvalidInput(f"{path}: not valid ONNX: {node.op_type or 'node'} '{node.name}' makes no value")


def _check_split(node: onnx.NodeProto, path: Path) -> None:
    """Where num_outputs is below the number of outputs onnxruntime aborts, and with it the process."""
    parts = next((item.i for item in node.attribute if item.name == "num_outputs"), None)
    if protos.is_op(node, "Split") and parts is not None and parts < len(node.output):
        name = node.name or node.output[0]
        raise InvalidInput(f"{path}: Split '{name}' has num_outputs={parts} but {len(node.output)} outputs")


def _check_calls(proto: onnx.ModelProto, path: Path) -> None:
    """Demand that the model's functions end, and that they expand to a bounded number of nodes."""
    bodies: dict[Call, list[onnx.NodeProto]] = {}
    for function in proto.functions:
        call = (function.domain, function.name)
        if call in bodies:
            raise InvalidInput(f"{path}: not valid ONNX: two functions are called '{function.name}'")
        bodies[call] = list(every_node(function.node))
    _check_counts((*every_node(proto.graph.node), *(node for body in bodies.values() for node in body)), proto, path)
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


def _check_counts(nodes: Iterable[onnx.NodeProto], proto: onnx.ModelProto, path: Path) -> None:
    """Demand that a call gives its function no more than it takes, and reads no more than it makes."""
    functions = {(one.domain, one.name): one for one in proto.functions}
    for node in nodes:
        function = functions.get((node.domain, node.op_type))
        if function is None:
            continue
        for what, given, most in (("inputs", node.input, function.input), ("outputs", node.output, function.output)):
            if len(given) > len(most):
                name, counts = node.name or node.output[0], f"{len(given)} {what}; its function has {len(most)}"
                raise InvalidInput(f"{path}: not valid ONNX: {node.op_type} '{name}' has {counts}")


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
