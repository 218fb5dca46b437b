"""Hardmax before opset 13 looks along all axes from its own on at once; onnx's version converter does not say so."""

from __future__ import annotations

import onnx
from onnx import helper

ALONG_ONE_AXIS = 13


def flatten_hardmax(proto: onnx.ModelProto, opset: int) -> None:
    """Write Hardmax of an old opset as Flatten, Hardmax over the second of two axes, Reshape, in place."""
    if opset >= ALONG_ONE_AXIS:
        return
    nodes: list[onnx.NodeProto] = []
    for old in proto.graph.node:
        if old.op_type != "Hardmax" or old.domain not in ("", "ai.onnx"):
            nodes.append(old)
            continue
        axis = next((a.i for a in old.attribute if a.name == "axis"), 1)
        (source,), (target,) = old.input, old.output
        shape, flat, found = (f"{target}/{part}" for part in ("shape", "flat", "found"))
        nodes += [
            helper.make_node("Shape", [source], [shape]),
            helper.make_node("Flatten", [source], [flat], axis=axis),
            helper.make_node("Hardmax", [flat], [found], old.name, axis=1),
            helper.make_node("Reshape", [found, shape], [target]),
        ]
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
