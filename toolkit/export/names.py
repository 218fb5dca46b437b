"""Names from module paths: one for every value, the same in ONNX, in the Caffe prototxt and in parity reports.

A module without children gives its path to what it returns (`layer1.0.conv1`); its inner steps and the operations that
stand in the forward of a larger module add the operator (`shuffle/transpose`, `layer1.0/add`). Repeats count on:
`relu`, `relu_1`. A node is called like its first output.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, groupby

import onnx
import onnx_ir as ir

from converters.names import safe
from converters.onnx.notes import MODULE

Names = Mapping[str, "str | Sequence[str]"]
Wish = tuple[ir.Value, str]
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def name_everything(
    model: ir.Model,
    *,
    leaves: frozenset[str],
    parameters: frozenset[str],
    inputs: Sequence[str],
    outputs: Sequence[str],
    names: Names,
) -> None:
    """Name values and nodes in place.

    `leaves` are the paths of modules without children, `parameters` the initialisers that keep their names, `inputs`
    and `outputs` what the graph's ends are called. `names` replaces chosen ones of all these; a module with several
    outputs takes several.
    """
    graph, taken = model.graph, set[str]()
    constants = [value for name, value in graph.initializers.items() if name not in parameters]
    for position, value in enumerate(constants):
        value.name = f"<{position}>"  # out of the way of the names to come
    fixed = [
        *((value, _base(names, name)) for value, name in zip(graph.inputs, inputs, strict=True)),
        *((value, _base(names, name)) for value, name in zip(graph.outputs, outputs, strict=True)),
        *((value, name) for name, value in graph.initializers.items() if name in parameters),
    ]
    _grant(fixed, taken)
    of_modules, of_operators = _wishes(graph, leaves, names)
    _grant(of_modules, taken)
    _grant(of_operators, taken)
    for node in graph:
        node.name = node.outputs[0].name
    _grant(list(_constant_wishes(model, constants)), taken)


def _grant(wishes: Sequence[Wish], taken: set[str]) -> None:
    for value, wish in wishes:
        base = safe(wish)
        free = next(name for n in count() if (name := f"{base}_{n}" if n else base) not in taken)
        taken.add(free)
        value.name = free


def _wishes(graph: ir.Graph, leaves: frozenset[str], names: Names) -> tuple[list[Wish], list[Wish]]:
    """What values would like to be called: first those with a module's own name, then those with an operator in it."""
    of_modules: list[Wish] = []
    of_operators: list[Wish] = []
    for path, run in groupby(graph, key=lambda node: node.metadata_props.get(MODULE, "")):
        call = list(run)  # neighbours of one module: one call of it
        returned = [value for value in _values(call) if path in leaves and path and _leaves_call(value, call)]
        of_modules += zip(returned, _result_names(names, path, len(returned)), strict=True)
        prefix = f"{_base(names, path)}/" if path else ""
        kept = {*returned, *graph.outputs}
        for node in call:
            operator = _WORD_START.sub("_", node.op_type).lower()
            of_operators += [(value, prefix + operator) for value in node.outputs if value not in kept]
    return [wish for wish in of_modules if not wish[0].is_graph_output()], of_operators


def _values(nodes: Sequence[ir.Node]) -> Iterator[ir.Value]:
    return (value for node in nodes for value in node.outputs)


def _leaves_call(value: ir.Value, call: Sequence[ir.Node]) -> bool:
    users = value.consumers()
    return value.is_graph_output() or not users or any(user not in call for user in users)


def _base(names: Names, path: str) -> str:
    name = names.get(path, path)
    return name if isinstance(name, str) else name[0]


def _result_names(names: Names, path: str, results: int) -> Sequence[str]:
    wanted = names.get(path, path)
    if isinstance(wanted, str):
        return [wanted] * results
    return wanted if len(wanted) == results else [wanted[0]] * results


def _constant_wishes(model: ir.Model, constants: Sequence[ir.Value]) -> Iterator[Wish]:
    """A constant is called after its first user and what it is to it: `stage_2_1/shuffle/shape`."""
    pending = set(constants)
    for node in model.graph:
        for position, value in enumerate(node.inputs):
            if value in pending:
                pending.discard(value)
                yield value, f"{node.name}/{_formal_name(model, node, position)}"


def _formal_name(model: ir.Model, node: ir.Node, position: int) -> str:
    formal = onnx.defs.get_schema(node.op_type, model.opset_imports[node.domain], node.domain).inputs
    return str(formal[min(position, len(formal) - 1)].name)
