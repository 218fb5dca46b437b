"""A model that blocks -> where to cut it: the outputs before every blocker, with which the rest converts.

Behind a blocker others may hide: one that keeps the model from being read hides all. So the cut is tried, and moved
before what it brings to light, until the network before it converts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import onnx

from converters.errors import Problem
from converters.onnx_passes import Source
from converters.onnx_passes.proto.interface import reads
from converters.onnx_to_caffe.inspect import Inspection

TRIALS = 16
Look = Callable[[Sequence[str]], Inspection]  # outputs -> what a network cut there becomes


def advise(found: Inspection, source: Source, look: Look, outputs: Sequence[str] = ()) -> Inspection:
    """The inspection of a model that does not convert, with every blocker that was met and the `cut` to make.

    A model that can't be read has no nodes: they are those before the cut then. `outputs` are those asked for.
    """
    wanted = list(outputs) or [value.name for value in source.proto.graph.output]
    blocked, constant = set(_names(found)), set[str]()
    table, problems = found, list(found.problems)
    trial = found
    for _ in range(TRIALS):
        cut = [value for value in _before(source.proto.graph, blocked, wanted) if value not in constant]
        if trial.convertible or not cut:
            break
        trial = look(cut)
        table = table if table.nodes else trial
        problems += [one for one in _problems(trial) if one.name not in blocked and one.op != "output"]
        ends = {one.name for one in trial.problems if one.op == "output"}
        new = {name for name in _names(trial) if name not in ends}
        if not trial.convertible and new <= blocked and ends <= constant:
            break
        blocked, constant = blocked | new, constant | ends
    told = {(node.op, node.name) for node in table.nodes if node.blockers}
    return replace(
        table,
        converts=found.converts,
        problems=tuple(one for one in dict.fromkeys(problems) if (one.op, one.name) not in told),
        cut=tuple(cut) if trial.convertible else (),
    )


def _problems(found: Inspection) -> list[Problem]:
    nodes = [node for node in found.nodes if found.dialect in node.blockers]
    own = [Problem(node.op, node.name, node.blockers[found.dialect], node.hint, node.source) for node in nodes]
    return [*found.problems, *own]


def _names(found: Inspection) -> list[str]:
    """What the blockers are called: a node's name, or the value that it makes."""
    made = [node.output for node in found.nodes if found.dialect in node.blockers]
    return [*(one.name for one in _problems(found)), *made]


def _before(graph: onnx.GraphProto, blocked: set[str], wanted: Sequence[str]) -> list[str]:
    """The values that nodes without a blocker before them make, and blocked ones or the outside read."""
    known = {item.name for item in graph.initializer}
    fed = {value.name for value in graph.input} - known
    behind: set[str] = set()
    made: list[str] = []
    read = set(wanted)
    for node in graph.node:
        if blocked.intersection([node.name, *node.output]) or behind.intersection(reads(node)):
            behind.update(node.output)
            read.update(reads(node))
        elif fed.intersection(reads(node)):
            fed.update(node.output)
            made += node.output
    return [value for value in made if value and value in read]
