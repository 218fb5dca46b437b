"""What canonical ONNX may contain; the check that runs on every conversion after canonicalisation."""

from __future__ import annotations

import onnx_ir as ir

from converters.errors import CUT, ConversionError, Remedy
from converters.onnx.graphs import is_op, problem, static_shape

OPSET = 21  # onnx's converter carries 6 to 20 up to here; what newer opsets changed since does not touch float32
OLDEST = 6


def verify(model: ir.Model) -> None:
    """Demand standard ops alone and a static shape for every value; lists every node that falls short."""
    problems = []
    for node in model.graph:
        if not is_op(node):
            problems.append(problem(node, f"an operator of domain '{node.domain}'"))
        elif any(
            static_shape(value) is None
            for value in node.outputs
            if value.name and (value.uses() or value.is_graph_output())
        ):
            hint = Remedy(f"{CUT}, and do the rest on the host", CUT.setting)
            problems.append(problem(node, "its output shape depends on the data", hint))
    if problems:
        raise ConversionError(problems)
