"""PRelu before opset 7: one slope a channel. Since then the slope broadcasts as numpy has it, from the last axis on."""

from __future__ import annotations

import onnx
import onnx.shape_inference

from converters.onnx import protos


def slopes_along_channels(proto: onnx.ModelProto) -> None:
    """Give each slope of one axis the axes after the channels, which onnx's converter forgets, in place.

    For opsets before 7.
    """
    if not any(node.op_type == "PRelu" for node in proto.graph.node):
        return
    typed = onnx.shape_inference.infer_shapes(proto)
    values = (*typed.graph.input, *typed.graph.value_info)
    ranks = {value.name: len(value.type.tensor_type.shape.dim) for value in values}
    ranks |= {tensor.name: len(tensor.dims) for tensor in proto.graph.initializer}
    sizes = {value.name: value.type.tensor_type.shape.dim[0].dim_value for value in values if ranks[value.name] == 1}
    sizes |= {tensor.name: tensor.dims[0] for tensor in proto.graph.initializer if len(tensor.dims) == 1}
    for place, node in reversed(list(enumerate(proto.graph.node))):
        if node.op_type != "PRelu":
            continue
        x, slope = node.input
        if ranks.get(slope) != 1 or sizes[slope] == 1 or ranks.get(x, 0) <= 2:
            continue
        spread = f"{node.output[0]}/slope"
        made = protos.node("Unsqueeze", [slope], [spread], axes=list(range(1, ranks[x] - 1)))
        node.input[1] = spread
        proto.graph.node.insert(place, made)
