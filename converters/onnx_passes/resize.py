"""Say what Resize and Upsample of old opsets mean, which onnx's version converter leaves to the new defaults.

Before opset 11 an output lies at its index over the factor, and onnxruntime takes the pixel below where it enlarges and
the pixel above where it shrinks.
"""

from __future__ import annotations

import onnx
from onnx import numpy_helper

from converters.errors import ConversionError, Problem

FIRST_WITH_MODES = 11


def has_resize(proto: onnx.ModelProto) -> bool:
    """Whether the model has a node that this file is about."""
    return any(node.op_type in ("Resize", "Upsample") for node in proto.graph.node)


def spell_out_coordinates(proto: onnx.ModelProto) -> None:
    """Give every Resize that was converted from an older opset its coordinates and its way to round."""
    known = {tensor.name: tensor for tensor in proto.graph.initializer}
    known |= {node.output[0]: node.attribute[0].t for node in proto.graph.node if node.op_type == "Constant"}
    for node in proto.graph.node:
        if node.op_type != "Resize":
            continue
        scales = numpy_helper.to_array(known[node.input[2]]) if node.input[2] in known else None
        mode = next((a.s for a in node.attribute if a.name == "mode"), b"nearest")
        shrinks = scales is None or bool((scales < 1).any())
        if mode == b"nearest" and shrinks and (scales is None or (scales > 1).any()):
            reason = "resizes one axis up and another down" if scales is not None else "its factors are computed"
            hint = "export with opset 11 or later"
            raise ConversionError([Problem("Resize", node.name or node.output[0], f"{reason}, before opset 11", hint)])
        node.attribute.append(onnx.helper.make_attribute("coordinate_transformation_mode", "asymmetric"))
        if mode == b"nearest":
            node.attribute.append(onnx.helper.make_attribute("nearest_mode", "ceil" if shrinks else "floor"))
