"""One change to an ONNX model that a sane program would not make: attributes, wires, shapes, types, weights, names.

A mutation is a function (random number generator, model, another model) that changes the model in place. What it says
of itself is its name; the same generator makes the same change.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import onnx
from onnx import AttributeProto, helper

from scripts.fuzzing.values import FLOATS, INTS, list_changed, tensor_changed

WORDS = (b"", b"SAME_UPPER", b"SAME_LOWER", b"VALID", b"nearest", b"linear", b"cubic", b"edge", b"reflect", b"wrap")
NAMES = (
    "",
    " ",
    "x",
    "y",
    "a/b",
    "../../etc/passwd",
    "a\nerror: b",
    "\x1b]0;t\x07",
    "\u202e",
    "a" * 5000,
    "ä",
    '"',
    "{",
)
DOMAINS = ("", "ai.onnx", "com.microsoft", "ai.onnx.ml", "nobody.knows")
Change = Callable[[random.Random, onnx.ModelProto, onnx.ModelProto], None]


def graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph, and the bodies in it."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for body in [attribute.g] if attribute.type == AttributeProto.GRAPH else attribute.graphs:
                yield from graphs(body)


def _graph(rng: random.Random, model: onnx.ModelProto) -> onnx.GraphProto:
    return rng.choice([one for one in graphs(model.graph) if one.node] or [model.graph])


def _node(rng: random.Random, model: onnx.ModelProto) -> onnx.NodeProto:
    nodes = _graph(rng, model).node
    return rng.choice(nodes) if nodes else onnx.NodeProto()


def _attribute(rng: random.Random, model: onnx.ModelProto) -> AttributeProto | None:
    found = [item for graph in graphs(model.graph) for node in graph.node for item in node.attribute]
    return rng.choice(found) if found else None


def attribute_removed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    nodes = [node for graph in graphs(model.graph) for node in graph.node if node.attribute]
    if nodes:
        node = rng.choice(nodes)
        del node.attribute[rng.randrange(len(node.attribute))]


def attribute_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    item = _attribute(rng, model)
    if item is None:
        return
    if item.type == AttributeProto.INT:
        item.i = rng.choice((*INTS, item.i + 1, max(-item.i, -(2**63 - 1))) if abs(item.i) < 2**62 else INTS)
    elif item.type == AttributeProto.FLOAT:
        item.f = rng.choice((*FLOATS, -item.f, item.f * 2))
    elif item.type == AttributeProto.STRING:
        item.s = rng.choice((*WORDS, item.s + b"x", b"\xff"))
    elif item.type == AttributeProto.INTS:
        list_changed(rng, item.ints, INTS)
    elif item.type == AttributeProto.FLOATS:
        list_changed(rng, item.floats, FLOATS)
    elif item.type == AttributeProto.TENSOR:
        tensor_changed(rng, item.t)


def attribute_of_another_type(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    if (item := _attribute(rng, model)) is not None:
        value = rng.choice((rng.choice(INTS), rng.choice(FLOATS), rng.choice(WORDS), [1, 2], [0.5]))
        item.CopyFrom(helper.make_attribute(item.name, value))


def attribute_of_another_node(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    item = _attribute(rng, rng.choice((model, other)))
    if item is not None:
        node, copy = _node(rng, model), AttributeProto()
        copy.CopyFrom(item)
        node.attribute.append(copy)


def attribute_renamed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    item, another = _attribute(rng, model), _attribute(rng, other)
    if item is not None:
        item.name = another.name if another is not None and rng.random() < 0.7 else rng.choice(NAMES)


def wire_moved(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    graph = _graph(rng, model)
    node = rng.choice(graph.node) if graph.node else onnx.NodeProto()
    names = [name for one in graph.node for name in (*one.input, *one.output)]
    names += [tensor.name for tensor in graph.initializer] + [value.name for value in graph.input] + ["", "nowhere"]
    kind = rng.randrange(5)
    if kind == 0 or not node.input:
        node.input.append(rng.choice(names))
    elif kind == 1:
        del node.input[rng.randrange(len(node.input))]
    elif kind == 2:
        inputs = list(node.input)
        rng.shuffle(inputs)
        node.input[:] = inputs
    else:
        node.input[rng.randrange(len(node.input))] = rng.choice(names)


def output_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    node = _node(rng, model)
    kind = rng.randrange(3)
    if kind == 0 or not node.output:
        node.output.append(rng.choice(("more", "", "x", *node.output)))
    elif kind == 1:
        node.output[rng.randrange(len(node.output))] = rng.choice(NAMES)
    else:
        del node.output[rng.randrange(len(node.output))]


def node_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    graph = _graph(rng, model)
    if not graph.node:
        return
    at = rng.randrange(len(graph.node))
    node, kind = graph.node[at], rng.randrange(6)
    if kind == 0:
        del graph.node[at]
    elif kind == 1:
        graph.node.insert(rng.randrange(len(graph.node) + 1), node)
    elif kind == 2:
        nodes = [onnx.NodeProto.FromString(one.SerializeToString()) for one in graph.node]
        rng.shuffle(nodes)
        del graph.node[:]
        graph.node.extend(nodes)
    elif kind == 3:
        node.domain = rng.choice(DOMAINS)
    elif kind == 4:
        node.name = rng.choice(NAMES)
    else:
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.input[:] = [name if rng.random() < 0.5 else rng.choice(node.output or [""]) for name in node.input]
        copy.output[:] = [f"{name}2" for name in node.output]
        model.graph.output.extend(helper.make_tensor_value_info(name, 1, None) for name in copy.output)


def operator_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    _node(rng, model).op_type = _node(rng, other).op_type or rng.choice(NAMES)


def node_from_another(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    """A node of another model stands between two of this one, with that model's weights."""
    node, graph = onnx.NodeProto.FromString(_node(rng, other).SerializeToString()), model.graph
    values = [name for one in graph.node for name in one.input] or ["x"]
    constants = {tensor.name: tensor for tensor in other.graph.initializer}
    value = rng.choice(values)
    for at, name in enumerate(node.input):
        if name in constants:
            copy = graph.initializer.add()
            copy.CopyFrom(constants[name])
            copy.name = node.input[at] = f"other_{name}"
        elif name:
            node.input[at] = value
    node.output[:] = [f"other_{name}" if name else "" for name in node.output]
    readers = [one for one in graph.node if value in one.input]
    if readers and node.output:
        reader = rng.choice(readers)
        reader.input[:] = [node.output[0] if name == value else name for name in reader.input]
    graph.node.insert(0, node)


def interface_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    graph = _graph(rng, model)
    values = rng.choice((graph.input, graph.output, graph.value_info)) or graph.input
    inner = [name for node in graph.node for name in (*node.output, *node.input)]
    kind = rng.randrange(8)
    if kind == 0 or not values:
        values.append(helper.make_tensor_value_info(rng.choice((*inner, "new")), rng.choice((1, 7)), [1, 3]))
        return
    at = rng.randrange(len(values))
    value = values[at]
    dims = value.type.tensor_type.shape.dim
    if kind == 1:
        del values[at]
    elif kind == 2:
        value.name = rng.choice((*NAMES, *inner))
    elif kind == 3:
        value.type.tensor_type.elem_type = rng.choice((0, 1, 6, 7, 9, 10, 11, 16, 99))
    elif kind == 4 or not dims:
        dims.add().dim_value = rng.choice(INTS)
    elif kind == 5:
        dims[rng.randrange(len(dims))].dim_param = rng.choice(("N", "", "\n"))
    elif kind == 6:
        del dims[rng.randrange(len(dims))]
    else:
        dims[rng.randrange(len(dims))].dim_value = rng.choice((*INTS[:8], *INTS))


def weights_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    tensors = model.graph.initializer
    if not tensors:
        return
    at = rng.randrange(len(tensors))
    kind = rng.randrange(8)
    if kind == 0:
        del tensors[at]
    elif kind == 1:
        tensors.append(tensors[at])
    elif kind == 2 and other.graph.initializer:
        name = tensors[at].name
        tensors[at].CopyFrom(rng.choice(other.graph.initializer))
        tensors[at].name = name
    else:
        tensor_changed(rng, tensors[at])


def versions_changed(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    kind = rng.randrange(5)
    if kind == 0:
        model.ir_version = rng.choice((0, 1, 3, 4, 7, 8, 13, 99, -1))
    elif kind == 1:
        del model.opset_import[:]
    elif kind == 2:
        model.opset_import.append(helper.make_opsetid(rng.choice(DOMAINS), rng.choice((1, 9, 18, 21, 99, -1))))
    elif model.opset_import:
        model.opset_import[0].version = rng.choice(tuple(range(5, 27)))


def into_a_function(rng: random.Random, model: onnx.ModelProto, other: onnx.ModelProto) -> None:
    """A node becomes a model-local function's body; at times one that calls itself."""
    if not model.graph.node or not model.opset_import:
        return
    node = rng.choice(model.graph.node)
    inside = onnx.NodeProto.FromString(node.SerializeToString())
    if rng.random() < 0.2:
        inside.op_type, inside.domain = "Inside", "local"
    inputs, outputs = list(dict.fromkeys(filter(None, node.input))), list(filter(None, node.output))
    function = helper.make_function("local", "Inside", inputs, outputs, [inside], model.opset_import)
    model.functions.append(function)
    node.CopyFrom(helper.make_node("Inside", inputs, outputs, domain="local"))
    if rng.random() < 0.9:
        model.opset_import.append(helper.make_opsetid("local", 1))


ALL: tuple[Change, ...] = (
    *(attribute_changed, attribute_changed, attribute_removed, attribute_of_another_type, attribute_of_another_node),
    *(attribute_renamed, wire_moved, wire_moved, output_changed, node_changed, operator_changed, operator_changed),
    *(node_from_another, node_from_another, interface_changed, interface_changed, weights_changed, weights_changed),
    *(versions_changed, into_a_function),
)
