"""A model in half precision or of integers -> the float32 network that its weights stand for.

It is what the converter reads, and the reference of every proof: half precision and quantisation round each of their
own steps, by more than an engine may be off. What that costs is measured apart.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_tensor

from converters.errors import Remedy, ToolkitError
from converters.onnx import protos
from converters.onnx.source import Source, external_file
from converters.onnx_passes.proto.to_float32 import to_float32
from converters.onnx_passes.quantised.drop import Dropped, drop_quantisation, quantised
from converters.onnx_passes.sound import every_node

HALF, INTEGERS = "half precision", "quantisation"
KINDS = frozenset({onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16})
DROP = Remedy("the float network inside it converts, where that is asked for", "drop_quantisation")


class Quantised(ToolkitError):
    """The model computes with integers, and nobody asked for the float network inside it."""

    exit_code = 3

    def __init__(self, nodes: list[onnx.NodeProto], path: Path) -> None:
        first, count = nodes[0], len(nodes)
        where = f"{first.op_type} '{first.name or first.output[0]}'" + (f" and {count - 1} more" if count > 1 else "")
        super().__init__(f"{path}: the network is quantised ({where})", DROP)


def reduced(proto: onnx.ModelProto) -> str:
    """What a model holds instead of float32, in words; "" where there is nothing."""
    graph = proto.graph
    held = {tensor.data_type for tensor in protos.constants(graph).values()}
    held |= {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    nodes = every_node([*graph.node, *(node for function in proto.functions for node in function.node)])
    held |= {item.i for node in nodes if node.op_type == "Cast" for item in node.attribute if item.name == "to"}
    return " and ".join(filter(None, (INTEGERS if quantised(proto) else "", HALF if held & KINDS else "")))


def in_float32(proto: onnx.ModelProto, path: Path) -> None:
    """Make a model that was read from `path` the float32 network that it stands for, in place, its weights inside.

    Values of half precision keep their names. A model that is of float32 already is left as it is, its external
    weights outside. Raises ConversionError for quantised operators that stand for no float one.
    """
    if not reduced(proto):
        return
    folder = path.resolve().parent
    for tensor in proto.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            external_file(tensor, folder, path)  # refuses what lies outside the model's folder
            load_external_data_for_tensor(tensor, str(folder))
            tensor.data_location = onnx.TensorProto.DEFAULT
            del tensor.external_data[:]
    if quantised(proto):
        drop_quantisation(proto, path)
    to_float32(proto)


def refuse_quantised(source: Source) -> None:
    """Raise Quantised for a model that computes with integers."""
    if nodes := quantised(source.proto):
        raise Quantised(nodes, source.path)


def without_quantisation(source: Source) -> tuple[Source, Dropped | None]:
    """The float network inside a model, and what was dropped; a model that computes with floats is left as it is."""
    if not quantised(source.proto):
        return source, None
    proto = onnx.ModelProto.FromString(source.proto.SerializeToString())
    dropped = drop_quantisation(proto, source.path)
    return replace(source, proto=proto), dropped
