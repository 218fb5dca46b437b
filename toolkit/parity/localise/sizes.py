"""How much memory each value of a graph takes: from the shapes that onnx or Caffe's own rules infer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from converters.caffe.shapes import prove
from converters.errors import Unsupported
from toolkit.onnx_file import read_onnx
from toolkit.parity.localise.graphs import Graph, read_caffe

Shape = tuple[int, ...]
SMALL = 1024  # numbers; larger constants are weights, which no shape depends on
BYTES = 4


def bytes_of_values(graph: Graph, inputs: Mapping[str, Shape]) -> dict[str, int]:
    """Bytes of every value. One whose shape can't be told counts as much as the largest that can."""
    path = Path(graph.file)
    shapes = onnx_shapes(read_onnx(path, graph.precision), inputs) if path.suffix == ".onnx" else _caffe_shapes(path)
    known = {value: BYTES * math.prod(shapes[value]) for value in graph.order if value in shapes}
    most = max([*known.values(), *(BYTES * math.prod(shape) for shape in inputs.values())])
    return {value: known.get(value, most) for value in graph.order}


def onnx_shapes(proto: Any, inputs: Mapping[str, Shape]) -> dict[str, Shape]:
    """The shapes of values that onnx can infer when the inputs have these."""
    import onnx

    from converters.onnx.protos import without_weights

    light = onnx.ModelProto()
    light.CopyFrom(without_weights(proto))
    for tensor in proto.graph.initializer:
        if math.prod(tensor.dims) <= SMALL:
            light.graph.initializer.append(tensor)
        else:
            light.graph.input.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    for value in light.graph.input:
        if value.name in inputs:
            kind = value.type.tensor_type.elem_type
            value.CopyFrom(onnx.helper.make_tensor_value_info(value.name, kind, inputs[value.name]))
    del light.graph.value_info[:]
    for value in light.graph.output:
        value.type.tensor_type.ClearField("shape")
    try:
        graph = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    except (onnx.shape_inference.InferenceError, RuntimeError):
        return {}
    found = {value.name: _static(value) for value in (*graph.value_info, *graph.output, *graph.input)}
    return {name: shape for name, shape in found.items() if shape is not None}


def _static(value: Any) -> Shape | None:
    tensor = value.type.tensor_type
    if not tensor.HasField("shape") or not all(dim.HasField("dim_value") for dim in tensor.shape.dim):
        return None
    return tuple(dim.dim_value for dim in tensor.shape.dim)


def _caffe_shapes(path: Path) -> dict[str, Shape]:
    try:
        return prove(read_caffe(path, None), {})
    except Unsupported:  # a layer whose shape rule we don't know; the engine does
        return {}
