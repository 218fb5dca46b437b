"""A quantised model -> the float network inside it.

Quantise and Dequantise drop out where they are about activations, operators on integers become those on numbers, and
what is said about constants stays, to be computed exactly where the constants are: scale * (q - zero). A range that
begins at 0 cut negative numbers off. Quantisers leave a ReLU out for that, so it is written out again, unless nothing
negative comes there; where the range ends at 6, it is ReLU6. Other ends of ranges are taken for what they are when no
function was left out: limits of the integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from converters.errors import ConversionError, Unsupported
from converters.onnx import protos
from converters.onnx_passes.proto.interface import reads
from converters.onnx_passes.quantised.grid import Grid
from converters.onnx_passes.quantised.operators import MICROSOFT, MOVING, OPERATORS, channels_first, move
from converters.onnx_passes.quantised.walk import Walk, add, begin, carried, enter, grid_of, in_floats, resolved
from converters.onnx_passes.sound import sort_nodes

QUANTISE, DEQUANTISE = "QuantizeLinear", "DequantizeLinear"


@dataclass(frozen=True)
class Dropped:
    """What a network lost with its quantisation.

    Attributes:
        activations: how many times an activation was rounded.
        weights: the constants that were integers.
        kept: the values at which a ReLU is written out that was left to the end of a range.
        ranges: what each float value was rounded to.
        inputs: the model's inputs that were of integers and take the numbers now that those stand for.
        outputs: the same of its outputs.
    """

    activations: int = 0
    weights: int = 0
    kept: tuple[str, ...] = ()
    ranges: Mapping[str, Grid] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was dropped, for people."""
        said = (
            f"dropped the quantisation of {_count(self.activations, 'activation')}, "
            f"{_count(self.weights, 'constant')} dequantised"
        )
        if self.kept:
            said += f"; ReLU written out where a range begins at 0 ({_count(len(self.kept), 'time')})"
        for what, names in (("input", self.inputs), ("output", self.outputs)):
            said += "".join(f"; {what} '{name}' is of numbers now, not of integers" for name in names)
        return said


def quantised(proto: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes that compute with, or make, integers that stand for activations; none where weights alone are."""
    found = [node for node in proto.graph.node if _is_ours(node) and node.op_type in {QUANTISE, DEQUANTISE, *OPERATORS}]
    if not found:
        return []
    constants = protos.constants(proto.graph)
    fed = {value.name for value in proto.graph.input if value.name not in constants}
    before = -1
    while len(fed) > before:  # nodes may stand in any order; in the usual one twice is enough
        before = len(fed)
        for node in proto.graph.node:
            if fed.intersection(reads(node)):
                fed.update(filter(None, node.output))
    return [node for node in found if fed.intersection(node.output)]


def _is_ours(node: onnx.NodeProto) -> bool:
    return protos.is_op(node) or node.domain == MICROSOFT


def drop_quantisation(proto: onnx.ModelProto, path: Path) -> Dropped:
    """Make a model the float network inside it, in place; weights may lie outside.

    Raises ConversionError with every node that stands for no float operator.
    """
    sort_nodes(proto.graph, path)
    walk = begin(proto, path)
    problems, behind = [], set[str]()
    for node in proto.graph.node:
        if behind.intersection(reads(node)):  # of a blocker: not to blame
            behind.update(node.output)
            continue
        try:
            _node(walk, node)
        except Unsupported as error:
            problems.append(protos.problem(node, error.reason, error.hint))
            behind.update(filter(None, node.output))
    if problems:
        raise ConversionError(problems)
    protos.replace_nodes(proto.graph, walk.nodes)
    outputs = _outputs(walk)
    del proto.graph.value_info[:]
    weights = sum(_is_ours(node) and node.op_type == DEQUANTISE for node in walk.nodes) + len(walk.dequantised)
    return Dropped(walk.pairs, weights, tuple(walk.kept), dict(walk.ranges), tuple(walk.inputs), outputs)


def _node(walk: Walk, node: onnx.NodeProto) -> None:
    kind = node.op_type if _is_ours(node) else ""
    x = list(node.input)
    if not walk.fed.intersection(reads(node)):
        if kind == DEQUANTISE and node.domain == MICROSOFT:
            walk.alias[node.output[0]] = in_floats(walk, x[0], [x[1]], (*x, "")[2], _axis(node))
        else:
            _copy(walk, node)
        return
    if kind == QUANTISE:
        enter(walk, resolved(walk, x[0]), node.output[0], grid_of(walk, x[1], (*x, "")[2], _type(node)))
    elif kind == DEQUANTISE:
        made = walk.grids.get(x[0])
        walk.alias[node.output[0]] = carried(
            walk, x[0], lambda: made if made and not (*x, "")[2] else grid_of(walk, x[1], (*x, "")[2])
        )
        walk.fed.add(node.output[0])
    elif kind in OPERATORS:
        OPERATORS[kind](walk, channels_first(node), x)
    elif not walk.real.keys() & set(reads(node)):
        _copy(walk, node)
    elif protos.is_op(node, *MOVING):
        move(walk, node)
    else:
        raise Unsupported("computes with quantised integers, in a way for which no float form is known")


def _copy(walk: Walk, node: onnx.NodeProto) -> None:
    inside = set(reads(node)) - set(node.input)
    if inside & (walk.alias.keys() | walk.real.keys()):
        raise Unsupported("its body reads quantised values")
    copy = onnx.NodeProto.FromString(node.SerializeToString())
    copy.input[:] = [resolved(walk, name) for name in node.input]
    add(walk, copy)


def _axis(node: onnx.NodeProto) -> int:
    return int(protos.attributes(node).get("axis", 1))


def _type(node: onnx.NodeProto) -> int:
    return int(protos.attributes(node).get("output_dtype", 0))


def _outputs(walk: Walk) -> tuple[str, ...]:
    """Give the values that are the model's outputs their names; which of them were of integers."""
    graph, integers = walk.proto.graph, []
    taken = {value.name for value in (*graph.input, *graph.output)} | walk.constants.keys()
    for value in graph.output:
        name = value.name
        held = walk.real.get(name) or resolved(walk, name)
        if name in walk.real:
            integers.append(name)
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
        if held == name:
            continue
        if held in taken:
            graph.node.append(protos.node("Identity", [held], [name], name))
            continue
        taken.add(held)
        for node in graph.node:
            node.input[:] = [name if item == held else item for item in node.input]
            node.output[:] = [name if item == held else item for item in node.output]
        walk.ranges = {name if item == held else item: grid for item, grid in walk.ranges.items()}
        walk.kept = [name if item == held else item for item in walk.kept]
        walk.real = {key: name if item == held else item for key, item in walk.real.items()}
        walk.alias = {key: name if item == held else item for key, item in walk.alias.items()}
    return tuple(integers)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
