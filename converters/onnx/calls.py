"""What the values of a graph would like to be called, from the module paths of their nodes.

A module without children gives its path to what it returns (`layer1.0.conv1`); its inner steps and the operations that
stand in the forward of a larger module add the operator (`act/sigmoid`, `layer1.0/add`). A path of numbers alone, as in
a Sequential, gets the kind of layer before it: `conv_0`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import groupby

import onnx_ir as ir

Wish = tuple[ir.Value, str]
Results = Callable[[str, int], Sequence[str]]  # a module's path and how many values it returns -> what they are called
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LETTER = re.compile(r"[A-Za-z]")
# As layers are called in the networks that came with Caffe.
_WORDS = {
    "BatchNormalization": "bn",
    "MaxPool": "pool",
    "AveragePool": "pool",
    "GlobalAveragePool": "pool",
    "Gemm": "fc",
    "MatMul": "fc",
}


def has_letters(name: str) -> bool:
    """Whether a name says anything: exporters number what has none."""
    return bool(_LETTER.search(name))


def operator(node: ir.Node) -> str:
    """`GlobalAveragePool` -> `global_average_pool`."""
    return _WORD_START.sub("_", node.op_type).lower()


def kind(node: ir.Node) -> str:
    """The word for a layer of this kind, before a number."""
    return _WORDS.get(node.op_type, operator(node))


def wishes(
    nodes: Sequence[ir.Node], path_of: Callable[[ir.Node], str], leaves: Collection[str], results: Results | None = None
) -> tuple[list[Wish], list[Wish]]:
    """What the values of `nodes` would like to be called: those with a module's own name, then those with an operator.

    `leaves` are the paths of modules without children. Neighbours of one path are one call of that module. Outputs of
    the graph are left out: they have names.
    """
    results = results or (lambda path, count: [path] * count)
    of_modules: list[Wish] = []
    of_operators: list[Wish] = []
    for path, run in groupby(nodes, key=path_of):
        call = list(run)
        returned = [v for node in call for v in node.outputs if path in leaves and path and _leaves_call(v, call)]
        of_modules += zip(returned, results(path, len(returned)), strict=True)
        prefix = f"{results(path, 1)[0]}/" if path else ""
        of_operators += [(v, prefix + operator(node)) for node in call for v in node.outputs if v not in returned]
    told = [(value, name if has_letters(name) else f"{_kind_of(value)}_{name}") for value, name in of_modules]
    return _inner(told), _inner(of_operators)


def _kind_of(value: ir.Value) -> str:
    maker = value.producer()
    return kind(maker) if maker is not None else "value"


def _inner(found: Sequence[Wish]) -> list[Wish]:
    return [(value, name) for value, name in found if not value.is_graph_output()]


def _leaves_call(value: ir.Value, call: Sequence[ir.Node]) -> bool:
    users = value.consumers()
    return value.is_graph_output() or not users or any(user not in call for user in users)
