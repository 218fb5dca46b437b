"""A value that differs -> the smallest part of all graphs that makes it from values that agree.

One Caffe layer may stand for several ONNX nodes, or the other way round, and where channel shuffles were eliminated
the two graphs do not even join at the same values. So the cut is moved back until all sides read the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from toolkit.parity.localise.pair import Pair, Side


@dataclass(frozen=True)
class Cut:
    """What makes `target` from `inputs`: steps of the reference graph, and of each side's own graph."""

    target: str
    inputs: tuple[str, ...]
    nodes: tuple[int, ...]
    ours: tuple[int, ...]
    theirs: tuple[int, ...]


def cut_out(pair: Pair, target: str, agreeing: Collection[str]) -> Cut:
    """The part between values of `agreeing`, or the network's own inputs, and `target`."""
    allowed = set(agreeing) - {target}
    while True:
        nodes, edge = pair.reference_graph.region([target], allowed)
        ours, edge_of_ours = _of_side(pair.reference, target, allowed, edge)
        theirs, edge_of_theirs = _of_side(pair.other, target, allowed, edge)
        everywhere = {*edge, *edge_of_ours, *edge_of_theirs}
        missed = everywhere - (set(edge) & edge_of_ours & edge_of_theirs)
        if not missed & allowed:
            inputs = tuple(sorted(everywhere, key=pair.reference_graph.order.__getitem__))
            return Cut(target, inputs, nodes, ours, theirs)
        allowed -= missed


def _of_side(
    side: Side, target: str, allowed: Collection[str], edge: Collection[str]
) -> tuple[tuple[int, ...], set[str]]:
    """The same in a side's own graph, what it reads by the reference graph's names."""
    names = {**side.translation.names, **side.translation.inputs}
    steps, own = side.graph.region([names.get(target, target)], {names[value] for value in allowed if value in names})
    return steps, {_value_of(name, names, edge) for name in own}


def _value_of(name: str, names: Mapping[str, str], preferred: Collection[str]) -> str:
    """The value that a blob holds; where it holds several (an Identity has none of its own), one that is read."""
    values = [value for value, held in names.items() if held == name]
    return next((value for value in values if value in preferred), values[0] if values else name)
