"""Readable names for ONNX values and for the network, as a Caffe user would write them.

Exporters number their values (`conv2d_3`, `/m/layer1/layer1.0/conv1/Conv_output_0`, `model/conv1/BiasAdd:0`, `17`).
The module path that they leave on the node or in the value's name is what the user wrote. A real name is kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx_ir as ir

from converters.names import safe
from converters.onnx.calls import Wish, has_letters, kind, wishes
from converters.onnx.notes import SCOPE

# What exporters call every graph.
NO_TITLE = re.compile(r"|main_graph|main|graph|torch[_-]jit([_-]export)?|tf2onnx|onnx[_-]?(model|graph)|model|g", re.I)
_TORCH_SCRIPT = re.compile(r"^(?:/(.+))?/[^/]+_output_\d+$")
_TENSORFLOW = re.compile(r"^(.+)/[^/]+:\d+$")
_NUMBERED = re.compile(r"^(onnx::\w+|input)[._]\d+$")  # torch's names for values without one
_INLINED = "_inlfunc_"  # onnxruntime's, for the inner steps of a function
_WITH_WEIGHTS = ("Conv", "ConvTranspose", "Gemm", "MatMul")


def title(graph_name: str, path: Path) -> str:
    """The network's name: the graph's, or the file's where an exporter calls every graph the same."""
    return safe(path.stem if NO_TITLE.fullmatch(graph_name) else graph_name)


def module_names(model: ir.Model) -> list[Wish]:
    """A readable name for every value that nodes make, the first in the list first served where two are alike."""
    nodes = list(model.graph)
    paths = {node: _path(node) for node in nodes}
    parents = {path[: match.start()] for path in filter(None, paths.values()) for match in re.finditer(r"[./]", path)}
    leaves = {path for path in paths.values() if path} - parents
    # A node without a path ends the call that it stands in, so neighbours are looked for among all nodes.
    of_modules, of_operators = wishes(nodes, lambda node: paths[node] or "", leaves)
    own = _own_names([node for node in nodes if paths[node] is None])
    at_home = {value for node in nodes if paths[node] is not None for value in node.outputs}
    return [*of_modules, *own, *((value, name) for value, name in of_operators if value in at_home)]


def _path(node: ir.Node) -> str | None:
    """The module that a node stands in, '' for the network itself; None where its values have names of their own."""
    name = node.outputs[0].name or ""
    if scope := node.metadata_props.get(SCOPE):
        return _owner(node) or scope
    if script := _TORCH_SCRIPT.match(name):
        return _without_repeats(script.group(1) or "")
    first, *more = name.split(";")  # what TFLite fused, the outermost first
    part = more[-1] if more and node.op_type in _WITH_WEIGHTS else first
    if found := _TENSORFLOW.match(part if not more else f"{part}:0"):
        return found.group(1)
    if name.startswith(_INLINED):
        users = node.outputs[0].consumers()
        return _path(users[0]) if users else None
    return None


def _owner(node: ir.Node) -> str:
    """The module whose weights a convolution has: torch calls one with a BatchNorm in it by that."""
    weight = node.inputs[1].name or "" if node.op_type in ("Conv", "ConvTranspose") and node.inputs[1] else ""
    return weight.removesuffix(".weight") if weight.endswith(".weight") else ""


def _without_repeats(scopes: str) -> str:
    """`m/layer1/layer1.0/conv1` -> `m.layer1.0.conv1`: a scope repeats the name of its parent."""
    parts: list[str] = []
    for scope in scopes.split("/"):
        if parts and scope.startswith(parts[-1] + "."):
            parts.pop()
        parts.append(scope)
    return ".".join(parts)


def _own_names(nodes: Sequence[ir.Node]) -> Iterator[Wish]:
    """What values without a path are called: by their name, else the node's, else the kind of layer and a number."""
    count: Counter[str] = Counter()
    for node in nodes:
        instead = node.name or ""
        if not has_letters(instead):
            count[kind(node)] += 1
            instead = f"{kind(node)}{count[kind(node)]}"
        for value in node.outputs:
            yield value, instead if _says_nothing(value.name or "") else value.name or ""


def _says_nothing(name: str) -> bool:
    return not has_letters(name) or bool(_NUMBERED.match(name))
