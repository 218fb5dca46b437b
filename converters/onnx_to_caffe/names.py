"""Readable names for values that torch's exporters numbered: the module path, which is what the user wrote.

They number their values (`conv2d_3`, `/m/layer1/layer1.0/conv1/Conv_output_0`); there the module path
(`layer1.0.conv1`) is taken instead, as it is what the user wrote.
"""

from __future__ import annotations

import re

import onnx_ir as ir

SCRIPT_PATH = re.compile(r"^(/.*)/[^/]+_output_\d+$")


def _script_module(name: str) -> str:
    """`/m/layer1/layer1.0/conv1/Conv_output_0` -> `m.layer1.0.conv1`: a scope repeats the name of its parent."""
    match = SCRIPT_PATH.match(name)
    if not match:
        return ""
    parts: list[str] = []
    for scope in match.group(1).strip("/").split("/"):
        if parts and scope.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(scope)
    return ".".join(parts)


def module_names(model: ir.Model) -> dict[str, str]:
    """Readable names by value name, for values that torch numbered; later ones of a module get the operator's name."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for node in model.graph:
        for value in node.outputs:
            name = value.name or ""
            path = node.metadata_props.get("scope") or _script_module(name)
            if not path or value.is_graph_output():
                continue
            wanted = path if path.lower() not in taken else f"{path}.{node.op_type.lower()}"
            tries = 1
            while wanted.lower() in taken:
                tries += 1
                wanted = f"{path}.{node.op_type.lower()}_{tries}"
            taken.add(wanted.lower())
            names[name] = wanted
    return names
