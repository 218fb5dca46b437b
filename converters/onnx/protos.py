"""Small builders for onnx's protos: the one place that uses onnx.helper and onnx.numpy_helper to make them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from converters.errors import Problem
from converters.onnx import notes

STANDARD = ("", "ai.onnx")  # two names of the domain of ONNX's own operators


def opset(proto: onnx.ModelProto | onnx.FunctionProto) -> int | None:
    """The version of ONNX's own operators that a model or function asks for; None where it names none."""
    return next((item.version for item in proto.opset_import if item.domain in STANDARD), None)


def is_op(node: onnx.NodeProto, *kinds: str) -> bool:
    """Whether a node is one of these operators of ONNX's own; without `kinds`, any of them."""
    return node.domain in STANDARD and (not kinds or node.op_type in kinds)


def problem(node: onnx.NodeProto, reason: str, hint: str = "") -> Problem:
    """A blocker at a node, with the source line that the exporter stored."""
    source = notes.read({entry.key: entry.value for entry in node.metadata_props}).get(notes.SOURCE, "")
    return Problem(node.op_type, node.name or next(iter(node.output), ""), reason, hint, source)


def node(
    kind: str, inputs: Sequence[str], outputs: Sequence[str], name: str | None = None, **attributes: Any
) -> onnx.NodeProto:
    """A node of an operator of ONNX's own; '' stands for an input or output that is left out."""
    return helper.make_node(kind, inputs, outputs, name, **attributes)


def attribute(name: str, value: Any) -> onnx.AttributeProto:
    """An attribute whose type follows from its value."""
    return helper.make_attribute(name, value)


def attributes(of: onnx.NodeProto) -> dict[str, Any]:
    """The attributes that a node has, as Python values; bodies stay protos, text stays bytes."""
    return {item.name: helper.get_attribute_value(item) for item in of.attribute}


def constant(graph: onnx.GraphProto, name: str, value: npt.ArrayLike) -> str:
    """Add an initialiser and return its name. Python ints become int64."""
    graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
    return name


def array(tensor: onnx.TensorProto) -> npt.NDArray[Any]:
    """The numbers of a tensor whose data is in the proto."""
    return numpy_helper.to_array(tensor)


def tensor(values: npt.NDArray[Any], name: str) -> onnx.TensorProto:
    """Numbers as a tensor of this name."""
    return numpy_helper.from_array(values, name)


def constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    """Every tensor that the graph holds, by the value's name: initialisers and Constant nodes."""
    nodes = (item for item in graph.node if item.op_type == "Constant")
    held = {item.output[0]: part.t for item in nodes for part in item.attribute if part.name == "value"}
    return {**{item.name: item for item in graph.initializer}, **held}


def value_info(name: str, kind: int, shape: Iterable[int]) -> onnx.ValueInfoProto:
    """The declaration of a value: `kind` is onnx's number of its element type."""
    return helper.make_tensor_value_info(name, kind, list(shape))


def value_info_of(name: str, values: npt.NDArray[Any]) -> onnx.ValueInfoProto:
    """The declaration of a value that such an array can be fed to."""
    return value_info(name, helper.np_dtype_to_tensor_dtype(values.dtype), values.shape)


def replace_nodes(graph: onnx.GraphProto, nodes: Iterable[onnx.NodeProto]) -> None:
    """Give a graph these nodes, which may be its own, in this order."""
    kept = [onnx.NodeProto.FromString(item.SerializeToString()) for item in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def forget_shapes(graph: onnx.GraphProto) -> None:
    """Drop what a graph says about the shapes of computed values, so that it is inferred anew."""
    del graph.value_info[:]
    inputs = {value.name: value for value in graph.input}
    for output in graph.output:
        if output.name in inputs:
            output.CopyFrom(inputs[output.name])
        else:
            output.type.tensor_type.ClearField("shape")


def keep_as_input(graph: onnx.GraphProto, weight: onnx.TensorProto) -> None:
    """Make a weight an input of the graph, without its numbers; `graphs.put_back` turns it into an initialiser again.

    So a model can be converted, folded and inferred in milliseconds however large its weights are.
    """
    graph.input.append(value_info(weight.name, weight.data_type, weight.dims))


def without_weights(proto: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of the model in which initialisers are gone; the original is not touched, its weights are not copied."""
    copy = onnx.ModelProto()
    for field, value in proto.ListFields():
        if field.name == "graph":
            continue
        if field.is_repeated:
            getattr(copy, field.name).extend(value)
        else:
            setattr(copy, field.name, value)
    for field, value in proto.graph.ListFields():
        if field.name == "initializer":
            continue
        if field.is_repeated:
            getattr(copy.graph, field.name).extend(value)
        else:
            setattr(copy.graph, field.name, value)
    return copy
