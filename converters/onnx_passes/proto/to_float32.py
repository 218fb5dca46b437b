"""Half and double precision -> float32, the only type that Caffe knows. Weights are converted where they are used."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import onnx

from converters.onnx import protos

FLOAT = onnx.TensorProto.FLOAT
OTHER = {onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16}
TYPE_ATTRIBUTES = {"to", "dtype"}


def to_float32(proto: onnx.ModelProto) -> None:
    """Make every half, bfloat16 and double value, constant, Cast and type attribute float32, in place."""
    _graph(proto.graph)
    for function in proto.functions:
        _values(function.value_info)
        _nodes(function.node)


def _graph(graph: onnx.GraphProto) -> None:
    _values([*graph.input, *graph.output, *graph.value_info])
    for tensor in graph.initializer:
        _tensor(tensor)
    _nodes(graph.node)


def _values(values: Iterable[onnx.ValueInfoProto]) -> None:
    for value in values:
        if value.type.tensor_type.elem_type in OTHER:
            value.type.tensor_type.elem_type = FLOAT


def _nodes(nodes: Iterable[onnx.NodeProto]) -> None:
    for attribute in (item for node in nodes for item in node.attribute):
        if attribute.name in TYPE_ATTRIBUTES and attribute.type == onnx.AttributeProto.INT and attribute.i in OTHER:
            attribute.i = FLOAT
        if attribute.type == onnx.AttributeProto.TENSOR:
            _tensor(attribute.t)
        for body in [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs:
            _graph(body)


def _tensor(tensor: onnx.TensorProto) -> None:
    if tensor.data_type in OTHER:
        tensor.CopyFrom(protos.tensor(protos.array(tensor).astype(np.float32), tensor.name))
