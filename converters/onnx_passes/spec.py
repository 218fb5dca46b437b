"""What canonical ONNX may contain; the check that runs on every conversion after canonicalisation."""

from __future__ import annotations

import onnx_ir as ir

from converters.errors import ConversionError, Problem


def static_shape(value: ir.Value) -> tuple[int, ...] | None:
    """The shape of a value where every dimension is a number, else None."""
    if value.shape is None or not all(isinstance(dim, int) for dim in value.shape):
        return None
    return tuple(int(dim) for dim in value.shape)  # type: ignore[arg-type]


def verify(model: ir.Model) -> None:
    """Demand standard ops alone and a static shape for every value; lists every node that falls short."""
    problems = []
    for node in model.graph:
        source = node.metadata_props.get("source", "")
        name = node.name or node.outputs[0].name or ""
        if node.domain not in ("", "ai.onnx"):
            problems.append(Problem(node.op_type, name, f"an operator of domain '{node.domain}'", source=source))
        elif any(
            static_shape(value) is None
            for value in node.outputs
            if value.name and (value.uses() or value.is_graph_output())
        ):
            hint = "cut the network before it with --output, and do the rest on the host"
            problems.append(Problem(node.op_type, name, "its output shape depends on the data", hint, source))
    if problems:
        raise ConversionError(problems)
