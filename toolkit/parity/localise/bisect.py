"""An engine that can't be looked into -> the first value that it gets wrong, by running ever smaller parts of the net.

A part is a file of its own whose one output is the value in question. If it is right, so is all that it is computed
from; if it is wrong, the fault is in it: about as many runs as the logarithm of the number of values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from toolkit.parity.localise.alone import Trial, Trials, run_alone
from toolkit.parity.localise.graphs import Graph


@dataclass
class Bisection:
    """The parts that were run, the wrong value whose inputs are right, and those that are known to be right."""

    first_wrong: str
    trials: dict[str, Trial] = field(default_factory=dict)
    agreeing: set[str] = field(default_factory=set)


def bisect(
    trials: Trials,
    target: str,
    candidates: Collection[str],
    agreeing: Collection[str],
    say: Callable[[str], None] = lambda text: None,
) -> Bisection | None:
    """Look among `candidates` for the first wrong value before `target`; None where `target` itself is right.

    Every part begins at values of `agreeing`, or at the network's inputs.
    """
    found = Bisection(target, agreeing=set(agreeing))

    def right(value: str) -> bool:
        say(f"cut at '{value}', {len(found.trials)} parts run")
        found.trials[value] = run_alone(trials, value, agreeing)
        return not found.trials[value].wrong

    if right(target):
        return None
    graph = trials.pair.reference_graph
    rest = _between(graph, target, candidates, found.agreeing)
    while rest:
        middle = rest[len(rest) // 2]
        if right(middle):
            found.agreeing |= graph.ancestors(middle) & {*candidates, middle}
        else:
            found.first_wrong = middle
        before = _between(graph, found.first_wrong, rest, found.agreeing)
        rest = [value for value in before if value not in found.trials]
    return found


def _between(graph: Graph, target: str, values: Collection[str], agreeing: Collection[str]) -> Sequence[str]:
    """The values before `target` that may still be wrong, in topological order."""
    before = graph.ancestors(target)
    return sorted((v for v in values if v in before and v not in agreeing and v != target), key=graph.order.__getitem__)
