"""Hardmax before opset 13 looks along all axes from its own on at once; onnx's version converter does not say so."""

from __future__ import annotations

import onnx

from converters.onnx import protos


def flatten_hardmax(proto: onnx.ModelProto) -> None:
    """Write the Hardmax of an opset before 13 as Flatten, Hardmax over the second of two axes, Reshape, in place."""
    nodes: list[onnx.NodeProto] = []
    for old in proto.graph.node:
        if not protos.is_op(old, "Hardmax"):
            nodes.append(old)
            continue
        axis = protos.attributes(old).get("axis", 1)
        (source,), (target,) = old.input, old.output
        shape, flat, found = (f"{target}/{part}" for part in ("shape", "flat", "found"))
        nodes += [
            protos.node("Shape", [source], [shape]),
            protos.node("Flatten", [source], [flat], axis=axis),
            protos.node("Hardmax", [flat], [found], old.name, axis=1),
            protos.node("Reshape", [found, shape], [target]),
        ]
    protos.replace_nodes(proto.graph, nodes)
