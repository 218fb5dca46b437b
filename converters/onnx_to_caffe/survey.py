"""One model in every dialect: which takes it, in how many layers, what a chip's CPU would compute, or what blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import converters.dialects as dialects
from converters.caffe.graph import Blob, rebuild
from converters.caffe.net import Net
from converters.errors import ConversionError, Problem
from converters.onnx_passes import Source, canonicalise
from converters.onnx_to_caffe.lower import Lowered, lower
from converters.onnx_to_caffe.pipeline import DEPLOY, left_out, parts, task_for
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.onnx_to_caffe.run import State, run, start
from converters.uncollected import uncollected


@dataclass(frozen=True)
class Row:
    """One dialect. `layers` counts what would be written, `slow` what of it the chip's CPU computes, by the reason.

    `blockers` are what keeps the model out, in the model's order; none where it converts.
    """

    dialect: str
    title: str
    layers: int = 0
    slow: Mapping[str, int] = field(default_factory=dict)
    blockers: tuple[Problem, ...] = ()

    @property
    def converts(self) -> bool:
        """Whether the dialect takes the model."""
        return not self.blockers

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "converts": self.converts}


@uncollected()
def survey(
    source: Source,
    names: Sequence[str] = dialects.NAMES,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    skip: Collection[str] = (),
) -> tuple[Row, ...]:
    """Try a loaded model in each of the dialects, in style deploy; nothing is written.

    `skip` names passes to leave out. A model that can't be read has the same blockers everywhere.
    """
    skip, known = left_out(DEPLOY, skip), [dialects.find(name) for name in names]
    try:
        lowered = lower(canonicalise(source, input_shapes, outputs, frozenset(LOWERINGS)))
    except ConversionError as error:
        return tuple(Row(dialect.name, dialect.title, blockers=error.problems) for dialect in known)
    common, (legalise, *after) = parts(DEPLOY)
    tasks = [task_for(lowered, dialect) for dialect in known]
    simpler = run(start(lowered.net), common, tasks[0], skip)
    return tuple(_row(lowered, run(simpler, (legalise, *after), task, skip), task.dialect) for task in tasks)


def _row(lowered: Lowered, done: State, dialect: dialects.Dialect) -> Row:
    blockers = (*lowered.problems, *(_of_node(lowered, origin, found) for origin, found in done.problems))
    if blockers:
        return Row(dialect.name, dialect.title, blockers=blockers)
    return Row(dialect.name, dialect.title, len(done.net.layers), _slow(done.net, dialect))


def _of_node(lowered: Lowered, origin: str, found: Problem) -> Problem:
    node = lowered.nodes.get(origin)
    return Problem(node.op_type, node.name or origin, found.reason, found.hint) if node is not None else found


def _slow(net: Net, dialect: dialects.Dialect) -> dict[str, int]:
    """Why layers would run on the CPU, and how many for each reason."""
    found: Counter[str] = Counter()
    named: dict[str, Blob] = {}
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        if reason := dialect.slows(node):
            found[reason] += 1
    return dict(found.most_common())
