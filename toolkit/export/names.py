"""Names from module paths: one for every value, the same in ONNX, in the Caffe prototxt and in parity reports.

See `converters.onnx.calls`. Repeats count on: `relu`, `relu_1`. A node is called like its first output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count

import onnx
import onnx_ir as ir

from converters.names import safe
from converters.onnx.calls import Wish, wishes
from converters.onnx.notes import MODULE

Names = Mapping[str, "str | Sequence[str]"]


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
    of_modules, of_operators = wishes(
        list(graph), lambda node: node.metadata_props.get(MODULE, ""), leaves, partial(_result_names, names)
    )
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
