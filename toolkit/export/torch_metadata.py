"""torch's exporter metadata -> our two keys on every node: `module` (dotted path) and `source` (the user's line)."""

from __future__ import annotations

import onnx_ir as ir

from converters.onnx.notes import MODULE, SOURCE, torch_module, torch_stack
from toolkit.export.source import innermost


def translate(model: ir.Model) -> None:
    """Replace torch's metadata on every node, value and graph, in place."""
    for node in model.graph.all_nodes():
        found = {MODULE: torch_module(node.metadata_props), SOURCE: innermost(torch_stack(node.metadata_props))}
        node.metadata_props.clear()
        node.metadata_props.update({key: text for key, text in found.items() if text})
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props.clear()
