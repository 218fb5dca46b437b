"""What a model would become, node by node, before anything is written: layers, dialects, blockers, cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any, TypeVar

import onnx_ir as ir

import converters.dialects as dialects
from converters.caffe import traits
from converters.caffe.net import Layer, Net, Shape
from converters.caffe.shapes import prove
from converters.errors import ConversionError, Problem
from converters.onnx_passes import Source, canonicalise
from converters.onnx_to_caffe.lower import Lowered, lower
from converters.onnx_to_caffe.pipeline import DEPLOY, left_out, parts, task_for
from converters.onnx_to_caffe.registry import LOWERINGS
from converters.onnx_to_caffe.run import Record, run, start
from converters.uncollected import uncollected

T = TypeVar("T")


@dataclass(frozen=True)
class NodeReport:
    """One node of the canonical model. `layers` are the Caffe layers that it becomes in the asked dialect.

    No layers and no blockers: folded into its neighbours' weights. `blockers` maps a dialect to its reason.
    """

    op: str
    name: str
    output: str
    layers: tuple[str, ...]
    blockers: Mapping[str, str]
    hint: str
    source: str
    multiply_adds: int


@dataclass(frozen=True)
class Inspection:
    """The whole model. `problems` keep it from being read at all; `converts` maps each dialect to yes or no.

    `passes`: what each pass did for the asked dialect, and what it left alone and why; up to `legalise` where the
    dialect can't take the model. `cut`: outputs with which the network before every blocker converts, where they are
    known.
    """

    dialect: str
    nodes: tuple[NodeReport, ...]
    problems: tuple[Problem, ...]
    converts: Mapping[str, bool]
    layers: Mapping[str, int]
    multiply_adds: int
    parameters: int
    passes: tuple[Record, ...] = ()
    cut: tuple[str, ...] = ()

    @property
    def convertible(self) -> bool:
        """Whether the model converts in the dialect that was asked for."""
        return self.converts.get(self.dialect, False)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "convertible": self.convertible}


@uncollected()
def inspect(
    source: Source,
    dialect: str = "portable",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    skip: Collection[str] = (),
) -> Inspection:
    """Say of every node of a loaded model what it becomes in `dialect`, and where else it converts.

    It runs the passes of a conversion in style deploy; `skip` names some to leave out.
    """
    skip = left_out(DEPLOY, skip)
    asked = dialects.find(dialect)
    known = {**dialects.DIALECTS, asked.name: asked}
    try:
        model = canonicalise(source, input_shapes, outputs, frozenset(LOWERINGS))
    except ConversionError as error:
        return Inspection(asked.name, (), error.problems, dict.fromkeys(known, False), {}, 0, 0)
    lowered = lower(model)
    tasks = {name: task_for(lowered, target) for name, target in known.items()}
    common, (legalise, *after) = parts(DEPLOY)
    simpler = run(start(lowered.net), common, tasks[asked.name], skip)
    legal = {name: run(simpler, (legalise,), task, skip) for name, task in tasks.items()}
    done = legal[asked.name]
    if not lowered.problems and not done.problems:
        done = run(done, after, tasks[asked.name], skip)
    found = done.net
    costs = _multiply_adds(found)
    own = _by_node(lowered, ((item.origin, item) for item in found.layers if item.type != "Silence"))
    blocked = {name: _by_node(lowered, result.problems) for name, result in legal.items()}
    nodes = tuple(
        _node(node, lowered, own[id(node)], {name: found[id(node)] for name, found in blocked.items()}, costs)
        for node in dict.fromkeys(model.graph)
    )
    # What lowering finds at an input or an output belongs to no node; it blocks all the same.
    ends = tuple(problem for problem in lowered.problems if problem.op in ("input", "output"))
    return Inspection(
        dialect=asked.name,
        nodes=nodes,
        problems=ends,
        converts={name: not lowered.problems and not result.problems for name, result in legal.items()},
        layers=dict(sorted(Counter(item.type for item in found.layers if item.type in asked.layers).items())),
        multiply_adds=sum(costs.values()),
        parameters=sum(prod(blob.shape) for item in found.layers for blob in item.blobs),
        passes=done.records,
    )


def _by_node(lowered: Lowered, found: Iterable[tuple[str, T]]) -> dict[int, list[T]]:
    """What is told of ONNX values, by the id of the node that makes the value."""
    by_node: dict[int, list[T]] = defaultdict(list)
    for origin, what in found:
        if origin in lowered.nodes:
            by_node[id(lowered.nodes[origin])].append(what)
    return by_node


def _node(
    node: ir.Node,
    lowered: Lowered,
    own: Sequence[Layer],
    blocked: Mapping[str, Sequence[Problem]],
    costs: Mapping[str, int],
) -> NodeReport:
    output = node.outputs[0].name or ""
    name = node.name or output
    everywhere = [p for p in lowered.problems if (p.op, p.name) == (node.op_type, name)]
    blockers = dict.fromkeys(blocked, everywhere[0].reason) if everywhere else {}
    hint = everywhere[0].hint if everywhere else ""
    for dialect, problems in blocked.items():
        for problem in problems:
            blockers.setdefault(dialect, problem.reason)
            hint = hint or problem.hint
    return NodeReport(
        op=node.op_type,
        name=name,
        output=output,
        layers=() if everywhere else tuple(item.type for item in own),
        blockers=blockers,
        hint=hint,
        source=node.metadata_props.get("source", ""),
        multiply_adds=sum(costs.get(item.name, 0) for item in own),
    )


def _multiply_adds(net: Net) -> dict[str, int]:
    """Multiply-adds of each convolution and inner product by layer name, for one run."""
    shapes = prove(net, {})
    return {item.name: cost for item in net.layers if (cost := _cost(item, shapes))}


def _cost(item: Layer, shapes: Mapping[str, Shape]) -> int:
    if not traits.of(item.type).linear:
        return 0
    weight = item.blobs[0].shape
    each = item.bottoms if item.type == "Deconvolution" else item.tops
    return prod(shapes[each[0]]) * prod(weight[1:])
