"""Half and double precision -> float32, the only type that Caffe knows. Weights are converted where they are used."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx

from converters.onnx import protos

FLOAT = onnx.TensorProto.FLOAT
OTHER = {onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16}
TYPE_ATTRIBUTES = {"to", "dtype"}


def _attributes(graph: onnx.GraphProto) -> Iterator[onnx.AttributeProto]:
    for node in graph.node:
        for attribute in node.attribute:
            yield attribute
            for inner in [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs:
                yield from _attributes(inner)


def _tensor_to_float32(tensor: onnx.TensorProto) -> None:
    tensor.CopyFrom(protos.tensor(protos.array(tensor).astype(np.float32), tensor.name))


def to_float32(proto: onnx.ModelProto) -> None:
    """Make every half, bfloat16 and double value, constant, Cast and type attribute float32, in place."""
    graph = proto.graph
    for value in [*graph.input, *graph.output, *graph.value_info]:
        if value.type.tensor_type.elem_type in OTHER:
            value.type.tensor_type.elem_type = FLOAT
    for tensor in graph.initializer:
        if tensor.data_type in OTHER:
            _tensor_to_float32(tensor)
    for attribute in _attributes(graph):
        if attribute.name in TYPE_ATTRIBUTES and attribute.type == onnx.AttributeProto.INT and attribute.i in OTHER:
            attribute.i = FLOAT
        if attribute.type == onnx.AttributeProto.TENSOR and attribute.t.data_type in OTHER:
            _tensor_to_float32(attribute.t)
