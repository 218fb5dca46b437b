"""What a model would become, node by node, before anything is written: layers, dialects, blockers, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import converters.dialects as dialects
from converters.caffe import traits
from converters.caffe.net import Layer, Net, Shape
from converters.caffe.passes.eliminate_shuffles import eliminate_shuffles
from converters.caffe.passes.simplify import simplify
from converters.caffe.shapes import prove
from converters.errors import ConversionError, Problem
from converters.onnx_passes import Source, canonicalise
from converters.onnx_to_caffe.lower import Lowered, lower
from converters.onnx_to_caffe.registry import LOWERINGS


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
    """The whole model. `problems` keep it from being read at all; `converts` maps each dialect to yes or no."""

    dialect: str
    nodes: tuple[NodeReport, ...]
    problems: tuple[Problem, ...]
    converts: Mapping[str, bool]
    layers: Mapping[str, int]
    multiply_adds: int
    parameters: int

    @property
    def convertible(self) -> bool:
        """Whether the model converts in the dialect that was asked for."""
        return self.converts.get(self.dialect, False)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "convertible": self.convertible}


def inspect(
    source: Source,
    dialect: str = "portable",
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
) -> Inspection:
    """Say of every node of a loaded model what it becomes in `dialect`, and where else it converts."""
    asked = dialects.find(dialect)
    known = {**dialects.DIALECTS, asked.name: asked}
    try:
        model = canonicalise(source, input_shapes, outputs, frozenset(LOWERINGS))
    except ConversionError as error:
        return Inspection(asked.name, (), error.problems, dict.fromkeys(known, False), {}, 0, 0)
    lowered = lower(model)
    net, _ = eliminate_shuffles(simplify(lowered.net))
    legal = {name: dialects.legalise(net, target) for name, target in known.items()}
    found = legal[asked.name].net
    costs = _multiply_adds(found)
    nodes = tuple(
        _node(output, lowered, found, legal, costs)
        for output in dict.fromkeys(node.outputs[0].name or "" for node in model.graph)
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
    )


def _node(
    output: str,
    lowered: Lowered,
    net: Net,
    legal: Mapping[str, dialects.Legalised],
    costs: Mapping[str, int],
) -> NodeReport:
    node = lowered.nodes[output]
    name = node.name or output
    own = [item for item in net.layers if item.origin == output and item.type != "Silence"]
    everywhere = [p for p in lowered.problems if (p.op, p.name) == (node.op_type, name)]
    blockers = dict.fromkeys(legal, everywhere[0].reason) if everywhere else {}
    hint = everywhere[0].hint if everywhere else ""
    for dialect, result in legal.items():
        for origin, problem in result.problems:
            if origin == output:
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
