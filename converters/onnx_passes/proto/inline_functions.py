"""Operators that ONNX defines by others, written out before onnxruntime sees them: it may have no kernel for one."""

from __future__ import annotations

import onnx
import onnx.defs
import onnx.inliner
import onnx.shape_inference

from converters.onnx import protos

INLINED = frozenset({"RotaryEmbedding", "SwiGLU", "Swish"})  # their functions are plain arithmetic and selections


def inline_functions(proto: onnx.ModelProto) -> None:
    """Write out the functions of `INLINED`, and those that they are made of, in place."""
    while found := _found(proto):
        endless = any(node.op_type == "Range" for node in proto.graph.node)  # its numbers would be listed, however many
        typed = onnx.shape_inference.infer_shapes(proto, data_prop=not endless)
        known = {value.name for value in (*typed.graph.input, *typed.graph.value_info)}
        for tensor in typed.graph.initializer:
            if tensor.name not in known:  # the inliner knows values by their declared types alone
                typed.graph.value_info.append(protos.value_info(tensor.name, tensor.data_type, tensor.dims))
        functions = [("", name) for name in sorted(found)]
        made = onnx.inliner.inline_selected_functions(typed, functions, inline_schema_functions=True)
        _check_inlined(proto, made)
        protos.forget_shapes(made.graph)
        proto.CopyFrom(made)


def _check_inlined(before: onnx.ModelProto, after: onnx.ModelProto) -> None:
    """Raise ValueError for a node that is still there: its inputs are not those that the function is made for."""
    waiting = {(node.op_type, *node.output) for node in before.graph.node if protos.is_op(node, *INLINED)}
    for node in after.graph.node:
        if (node.op_type, *node.output) in waiting:
            raise ValueError(f"{node.op_type} '{node.output[0]}': its inputs do not fit its definition")


def _found(proto: onnx.ModelProto) -> set[str]:
    """Which of them the model has. They get the attributes that they leave out: the inliner would give none."""
    nodes = [node for node in proto.graph.node if protos.is_op(node, *INLINED)]
    for node in nodes:
        written = {attribute.name for attribute in node.attribute}
        for name, attribute in onnx.defs.get_schema(node.op_type, protos.opset(proto) or 0).attributes.items():
            if name not in written and attribute.default_value.name:
                node.attribute.append(attribute.default_value)
    return {node.op_type for node in nodes}
