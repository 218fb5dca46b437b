"""A model in half precision -> the float32 network that its weights stand for: what the converter reads in it.

The reference of every proof is that network: half precision rounds each of its own steps, by more than an engine may be
off. What that costs is measured apart.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx.external_data_helper import load_external_data_for_tensor

from converters.onnx import protos
from converters.onnx.source import external_file
from converters.onnx_passes.proto.to_float32 import to_float32
from converters.onnx_passes.sound import every_node

HALF = "half precision"
KINDS = frozenset({onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16})


def reduced(proto: onnx.ModelProto) -> str:
    """What a model holds instead of float32, in words; "" where there is nothing."""
    graph = proto.graph
    held = {tensor.data_type for tensor in protos.constants(graph).values()}
    held |= {value.type.tensor_type.elem_type for value in (*graph.input, *graph.output)}
    nodes = every_node([*graph.node, *(node for function in proto.functions for node in function.node)])
    held |= {item.i for node in nodes if node.op_type == "Cast" for item in node.attribute if item.name == "to"}
    return HALF if held & KINDS else ""


def in_float32(proto: onnx.ModelProto, path: Path) -> None:
    """Make a model that was read from `path` the float32 network that it stands for, in place, its weights inside.

    Values keep their names. A model that is of float32 already is left as it is, its external weights outside.
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
    to_float32(proto)
