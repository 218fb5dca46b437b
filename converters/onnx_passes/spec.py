"""What canonical ONNX may contain; the check that runs on every conversion after canonicalisation."""

from __future__ import annotations

import onnx
import onnx_ir as ir

from converters.errors import CUT, ConversionError, Remedy
from converters.onnx import protos
from converters.onnx.graphs import is_op, problem, static_shape

OPSET = 21  # onnx's converter carries 6 to 20 up to here; what newer opsets changed since does not touch float32
ROUNDED = 22  # since here onnx infers as many windows as torch and onnxruntime make where a pooling rounds up
OLDEST = 6
POOLINGS = ("MaxPool", "AveragePool", "LpPool")

ORIGINAL = "convert the model as it was before onnxruntime optimised it"


def foreign(domain: str) -> tuple[str, str]:
    """Why an operator of another domain than ONNX's is refused, and what to do."""
    if domain == "com.microsoft.nchwc":
        hint = f"{ORIGINAL}, or let it be optimised and saved anew at level ORT_ENABLE_EXTENDED"
        return "is of a memory layout of onnxruntime's own, which its level ORT_ENABLE_ALL writes", hint
    return f"an operator of domain '{domain}'", ORIGINAL if domain == "com.microsoft" else ""


def canonical_opset(proto: onnx.ModelProto) -> int:
    """The opset that a model is carried to: no newer than need be, as onnxruntime lacks kernels of the newest ones."""
    up = any(
        item.name == "ceil_mode" and item.i
        for node in proto.graph.node
        if protos.is_op(node, *POOLINGS)
        for item in node.attribute
    )
    return ROUNDED if up else OPSET


def verify(model: ir.Model) -> None:
    """Demand standard ops alone and a static shape for every value; lists the nodes where that begins to fail.

    What is behind such a node may have no shape for its sake alone, so nothing is said of it.
    """
    problems = []
    behind: set[ir.Value | None] = set()
    for node in model.graph:
        unknown = any(
            static_shape(value) is None
            for value in node.outputs
            if value.name and (value.uses() or value.is_graph_output())
        )
        if not is_op(node):
            problems.append(problem(node, *foreign(node.domain)))
        elif unknown and behind.isdisjoint(node.inputs):
            hint = Remedy(f"{CUT}, and do the rest on the host", CUT.setting)
            problems.append(problem(node, "its output shape depends on the data", hint))
        if unknown or not is_op(node):
            behind.update(node.outputs)
    if problems:
        raise ConversionError(problems)
