"""Say what Resize and Upsample of old opsets mean, which onnx's version converter leaves to the new defaults.

Before opset 11 an output lies at its index over the factor, and onnxruntime takes the pixel below where it enlarges and
the pixel above where it shrinks.
"""

from __future__ import annotations

import onnx

from converters.errors import ConversionError
from converters.onnx import protos


def has_resize(proto: onnx.ModelProto) -> bool:
    """Whether the model has a node that this file is about."""
    return any(node.op_type in ("Resize", "Upsample") for node in proto.graph.node)


def spell_out_coordinates(proto: onnx.ModelProto) -> None:
    """Give every Resize that was converted from an opset before 11 its coordinates and its way to round, in place.

    Raises ConversionError where one axis grows and another shrinks, or the factors are computed.
    """
    known = protos.constants(proto.graph) if has_resize(proto) else {}
    for node in proto.graph.node:
        if node.op_type != "Resize":
            continue
        scales = protos.array(known[node.input[2]]) if node.input[2] in known else None
        mode = protos.attributes(node).get("mode", b"nearest")
        shrinks = scales is None or bool((scales < 1).any())
        if mode == b"nearest" and shrinks and (scales is None or (scales > 1).any()):
            reason = "resizes one axis up and another down" if scales is not None else "its factors are computed"
            hint = "export with opset 11 or later"
            raise ConversionError([protos.problem(node, f"{reason}, before opset 11", hint)])
        node.attribute.append(protos.attribute("coordinate_transformation_mode", "asymmetric"))
        if mode == b"nearest":
            node.attribute.append(protos.attribute("nearest_mode", "ceil" if shrinks else "floor"))
