"""Recurrent layers whose batch comes first, which onnxruntime does not load: transposed before and after."""

from __future__ import annotations

import onnx

from converters.onnx import protos

KINDS = ("LSTM", "GRU", "RNN")
SWAPPED = (1, 0, 2)


def batch_second(proto: onnx.ModelProto) -> None:
    """Give every LSTM, GRU and RNN layout 0, in place."""
    if not any(node.op_type in KINDS for node in proto.graph.node):
        return
    nodes: list[onnx.NodeProto] = []
    for old in proto.graph.node:
        node = onnx.NodeProto.FromString(old.SerializeToString())
        layout = next((a for a in node.attribute if a.name == "layout"), None)
        if node.op_type in KINDS and layout is not None:
            node.attribute.remove(layout)
        if node.op_type not in KINDS or layout is None or layout.i == 0:
            nodes.append(node)
            continue
        stem = node.name or next(filter(None, node.output))
        for i in (0, 5, 6):  # the input and the initial states
            if i < len(node.input) and node.input[i]:
                nodes.append(_transpose(node.input[i], f"{stem}/swapped_{i}", SWAPPED))
                node.input[i] = f"{stem}/swapped_{i}"
        after = []
        for i, name in enumerate(node.output):
            if name:
                after.append(_transpose(f"{stem}/made_{i}", name, SWAPPED if i else (2, 0, 1, 3)))
                node.output[i] = f"{stem}/made_{i}"
        nodes.extend([node, *after])
    protos.replace_nodes(proto.graph, nodes)


def _transpose(source: str, target: str, order: tuple[int, ...]) -> onnx.NodeProto:
    return protos.node("Transpose", [source], [target], target, perm=list(order))
