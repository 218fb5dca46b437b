"""Drop nodes that change nothing."""

from __future__ import annotations

import onnx_ir as ir

NO_OPS = {"Identity", "Dropout"}


def drop_no_ops(model: ir.Model) -> None:
    """Remove Identity, inference Dropout and casts between floats; graph outputs keep their names."""
    graph = model.graph
    for node in list(graph):
        source = node.inputs[0] if node.inputs else None
        if source is None or not _is_no_op(node, source):
            continue
        value = node.outputs[0]
        if value.is_graph_output():
            continue  # the name belongs to the user: the lowering makes a layer for it
        ir.convenience.replace_all_uses_with(value, source)
        graph.remove(node, safe=True)


def _is_no_op(node: ir.Node, source: ir.Value) -> bool:
    if any(output.uses() or output.is_graph_output() for output in node.outputs[1:]):
        return False
    if node.op_type == "Cast":
        return source.dtype == node.outputs[0].dtype == ir.DataType.FLOAT
    if node.op_type == "Dropout" and len(node.inputs) > 2 and (training := node.inputs[2]) is not None:
        return training.const_value is not None and not training.const_value.numpy().any()
    return node.op_type in NO_OPS
