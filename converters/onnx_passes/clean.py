"""Carry node notes over the folding, and drop nodes that change nothing."""

from __future__ import annotations

from ast import literal_eval

import onnx
import onnx_ir as ir

Notes = dict[str, dict[str, str]]
NO_OPS = {"Identity", "Dropout"}


def node_notes(proto: onnx.ModelProto) -> Notes:
    """Module path and source line of every node, by the name of its first output.

    `module` comes from our own exporter, whose values are called by it already; `scope` is read from torch's notes.
    """
    notes: Notes = {}
    for node in proto.graph.node:
        found = {entry.key: entry.value for entry in node.metadata_props}
        note = {
            "module": found.get("module", ""),
            "scope": "" if "module" in found else _torch_module(found),
            "source": found.get("source") or _torch_line(found),
        }
        note = {key: value for key, value in note.items() if value}
        if note and node.output:
            notes[node.output[0]] = note
    return notes


def _torch_module(found: dict[str, str]) -> str:
    """The innermost module path in torch's name scopes, which are a printed list that ends with the node itself."""
    try:
        scopes = literal_eval(found.get("pkg.torch.onnx.name_scopes", "[]"))
    except (ValueError, SyntaxError):
        return ""
    return str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""


def _torch_line(found: dict[str, str]) -> str:
    """The last line of the stack trace that torch stores: where the user's own code made the node."""
    lines = [line.strip() for line in found.get("pkg.torch.onnx.stack_trace", "").splitlines()]
    return next((line for line in reversed(lines) if line.startswith("File ")), "")


def restore_notes(model: ir.Model, notes: Notes) -> None:
    """Put the notes back on the nodes that still make the same values."""
    for node in model.graph:
        node.metadata_props.update(notes.get(node.outputs[0].name or "", {}))


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
