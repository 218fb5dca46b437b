"""What exporters write on a node about the user's code -> its module path and the stack frames that made it.

Our own exporter writes `module` and `source`. torch's keys are undocumented: nothing outside this file knows them.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # heavy, and the exporter's messages read notes too
    import onnx
    import onnx_ir as ir

MODULE, SOURCE = "module", "source"  # what our exporter writes: a dotted path, and one stack frame as text
SCOPE = "scope"  # a module path that is not yet the name of the node's value
_SCOPES, _STACK = "pkg.torch.onnx.name_scopes", "pkg.torch.onnx.stack_trace"
_NO_MODULE = "_empty_nn_module_stack"
_REPEATED_CALL = re.compile(r"@\d+$")  # torch counts the calls of a module that is used more than once
_FRAME = re.compile(r'File "([^"]+)", line (\d+), in (\S+)')

Frame = tuple[str, int, str]  # file, line, function


def torch_module(props: Mapping[str, str]) -> str:
    """The innermost module's dotted path in torch's notes on a node; '' where there is none.

    torch stores a printed list of name scopes: the modules from the root inwards, then the operation itself.
    """
    try:
        scopes = literal_eval(props.get(_SCOPES, "[]"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # a file may hold any text there
        return ""
    path = str(scopes[-2]) if isinstance(scopes, list) and len(scopes) > 1 else ""
    return "" if path.startswith(_NO_MODULE) else _REPEATED_CALL.sub("", path)


def torch_stack(props: Mapping[str, str]) -> list[Frame]:
    """The frames of the stack trace in torch's notes on a node, the innermost last."""
    return frames(props.get(_STACK, ""))


def frames(trace: str) -> list[Frame]:
    """The frames of a stack trace that Python printed, the innermost last."""
    return [(path, int(line), function) for path, line, function in _FRAME.findall(trace)]


def frame_text(path: str, line: int, function: str) -> str:
    """One stack frame as Python prints it."""
    return f'File "{path}", line {line}, in {function}'


def read(props: Mapping[str, str]) -> dict[str, str]:
    """A node's notes under our keys, those without text left out.

    `module` comes from our own exporter, whose values are called by it already; from torch's notes it is `scope`.
    """
    stack = torch_stack(props)
    found = {
        MODULE: props.get(MODULE, ""),
        SCOPE: "" if MODULE in props else torch_module(props),
        SOURCE: props.get(SOURCE) or (frame_text(*stack[-1]) if stack else ""),
    }
    return {key: text for key, text in found.items() if text}


def of_nodes(proto: onnx.ModelProto) -> dict[str, dict[str, str]]:
    """The notes on every node that has some, by the name of its first output."""
    found = {
        node.output[0]: read({entry.key: entry.value for entry in node.metadata_props})
        for node in proto.graph.node
        if node.output and node.metadata_props
    }
    return {name: note for name, note in found.items() if note}


def put_back(model: ir.Model, notes: Mapping[str, Mapping[str, str]]) -> None:
    """Put the notes back on the nodes that still make the same values, in place."""
    for node in model.graph:
        node.metadata_props.update(notes.get(node.outputs[0].name or "", {}))
