"""The model's own functions, written out: onnx's version converter leaves them behind, and no pass looks into them."""

from __future__ import annotations

import onnx
import onnx.defs
import onnx.inliner

from converters.errors import ConversionError, Problem
from converters.onnx import protos
from converters.onnx_passes.sound import every_node


def inline_local(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model without functions of its own; ConversionError where one is of an opset that changes its meaning.

    onnxruntime runs every function by the model's opset, ONNX says that it is run by its own.
    """
    if not proto.functions:
        return None
    inlined = onnx.ModelProto.FromString(proto.SerializeToString())
    opset = protos.opset(proto) or 0
    problems = [_problem(function, opset) for function in inlined.functions if not _means_the_same(function, opset)]
    if problems:
        raise ConversionError(problems)
    for function in inlined.functions:
        for item in function.opset_import:
            if item.domain in protos.STANDARD:
                item.version = opset  # the inliner leaves other ones alone
    return onnx.inliner.inline_local_functions(inlined)


def _means_the_same(function: onnx.FunctionProto, opset: int) -> bool:
    """Whether each of its operators is defined alike in its own opset and in the model's."""
    own = protos.opset(function)
    nodes = [node for node in every_node(function.node) if protos.is_op(node)]
    return own in (None, opset) or all(_since(node, own or 0) == _since(node, opset) for node in nodes)


def _since(node: onnx.NodeProto, opset: int) -> int:
    """The opset that defined a node's operator as an opset has it; 0 where it has none."""
    try:
        return onnx.defs.get_schema(node.op_type, opset).since_version
    except onnx.defs.SchemaError:
        return 0


def _problem(function: onnx.FunctionProto, opset: int) -> Problem:
    reason = (
        f"is written for opset {protos.opset(function)} in a model of opset {opset}: runtimes disagree on what it does"
    )
    return Problem("function", function.name, reason, "export it anew, with one opset throughout")
