"""torch's exporter metadata -> our two keys on every node: `module` (dotted path) and `source` (the user's line).

The keys read here are torch's own and undocumented; nothing outside this file knows them.
"""

from __future__ import annotations

import ast
import re

import onnx_ir as ir

from toolkit.export.source import innermost

MODULE, SOURCE = "module", "source"
_SCOPES, _STACK = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.stack_trace"
_REPEATED_CALL = re.compile(r"@\d+$")


def translate(model: ir.Model) -> None:
    """Replace torch's metadata on every node, value and graph."""
    for node in model.graph.all_nodes():
        found = {MODULE: _module_path(node), SOURCE: innermost(node.metadata_props.get(_STACK, ""))}
        node.metadata_props.clear()
        node.metadata_props.update({key: text for key, text in found.items() if text})
        node.doc_string = None
        for value in node.outputs:
            value.metadata_props.clear()
    for value in (*model.graph.inputs, *model.graph.initializers.values()):
        value.metadata_props.clear()
    model.graph.metadata_props.clear()
    model.metadata_props.clear()


def _module_path(node: ir.Node) -> str:
    """The last but one scope: the scopes are the modules from the root inwards, then the operation itself."""
    scopes = ast.literal_eval(node.metadata_props.get(_SCOPES, "[]"))
    path = scopes[-2] if len(scopes) > 1 else ""
    return "" if path.startswith("_empty_nn_module_stack") else _REPEATED_CALL.sub("", path)
