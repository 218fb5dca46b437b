"""Net -> ONNX model: call each layer's lift, name the results, collect every blocker."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from converters.caffe.graph import Names
from converters.caffe.net import Layer, Net, Shape
from converters.caffe.shapes import infer
from converters.caffe_to_onnx.build import Ops
from converters.caffe_to_onnx.layers import load_all
from converters.caffe_to_onnx.registry import LIFTS, Blobs, call, unknown
from converters.errors import Problem, Unsupported, require

load_all()
FLOAT = ir.TensorType(ir.DataType.FLOAT)
PRODUCER = "caffe-bridge-toolkit"
IR_VERSIONS = {11: 6, 12: 7, 13: 7, 14: 7, 15: 8, 16: 8, 17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 11}
NEWEST = 13  # the version of the file format for opsets that are not listed


@dataclass(frozen=True)
class Lifted:
    """The model, the value that holds each blob, and each blob's shape by Caffe's own rules."""

    model: ir.Model
    values: Mapping[str, str]
    shapes: Mapping[str, Shape]


class Lifting:
    """What is known while the layers are gone through."""

    def __init__(self, opset: int, dialect: str, known: Collection[str], weightless: bool) -> None:
        self.opset, self.dialect, self.known, self.weightless = opset, dialect, known, weightless
        self.made: dict[str, list[str]] = {}  # layer -> the operators that it became
        self.op = Ops(opset)
        self.values: dict[str, ir.Value] = {}
        self.shapes: dict[str, Shape] = {}
        self.inputs: list[ir.Value] = []
        self.problems: list[Problem] = []
        self.lost: set[str] = set()  # blobs whose layers are blockers: what reads them can't be judged
        self.names, self.nodes = Names(), Names()

    def layer(self, layer: Layer) -> None:
        """Lift one layer; a blocker is noted, and what depends on its shapes is left out of account."""
        if self.lost.intersection(layer.bottoms):
            self.lost.update(layer.tops)
            return
        try:
            self._layer(layer)
        except Unsupported as error:
            self.problems.append(Problem(layer.type, layer.name, error.reason, error.hint))
            self.lost.update(layer.tops)

    def _layer(self, layer: Layer) -> None:
        require(layer.type == "Input" or layer.type in LIFTS, *unknown(layer))
        tops = self._tops(layer)
        if layer.type == "Input":
            for top, shape in zip(layer.tops, tops, strict=True):
                value = ir.Value(name=top, shape=ir.Shape(shape), type=FLOAT)
                self.inputs.append(value)
                self._keep(top, value, shape)
            return
        bottoms = [self.values[name] for name in layer.bottoms]
        nodes, constants = len(self.op.nodes), len(self.op.constants)
        try:
            made = call(self.op, layer, bottoms, tops, Blobs(layer, self.known, self.weightless), self.dialect)
        except (ArithmeticError, LookupError, TypeError, ValueError, MemoryError) as error:
            # What a hostile file says may fit no rule at all; that the lifts stumble over it is no fault of theirs.
            raise Unsupported(f"its parameters do not fit together ({error})") from error
        require(len(made) == len(tops), f"has {len(tops)} tops, and {len(made)} can be made")
        for top, value, shape in zip(layer.tops, made, tops, strict=True):
            self._keep(top, value, shape)
        self._name(layer, nodes, constants)

    def _tops(self, layer: Layer) -> tuple[Shape, ...]:
        try:
            tops = infer(layer.type, layer.params, [self.shapes[name] for name in layer.bottoms], len(layer.tops))
        except (ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
            raise Unsupported(f"its parameters do not fit together ({error})") from error
        for top, shape in zip(layer.tops, tops, strict=True):
            require(shape or layer.type != "Input", f"has no shape for '{top}'", "give the input a shape")
        return tops

    def _keep(self, top: str, value: ir.Value, shape: Shape) -> None:
        """Note which value is the blob. A fresh one takes its name; so does an older write of the same blob."""
        self.values[top], self.shapes[top] = value, shape
        if value.producer() is None:
            return
        if value.name is None:
            value.shape, value.type = value.shape or ir.Shape(shape), FLOAT
            value.name = top
        elif value.name.partition("@")[0] == top:
            value.name = top

    def _name(self, layer: Layer, nodes: int, constants: int) -> None:
        """Name what the lift made: the layer's name for the node of its top, and for the rest names behind it."""
        fresh = self.op.nodes[nodes:]
        self.made[layer.name] = [node.op_type for node in fresh]
        last = fresh[-1] if fresh else None
        for node in fresh:
            node.name = self.nodes(layer.name if node is last else f"{layer.name}/{node.op_type.lower()}")
            for at, value in enumerate(node.outputs):
                if value.name is None:
                    value.name = self.names(f"{layer.name}/{node.op_type.lower()}" + (f"_{at}" if at else ""))
        for value in self.op.constants[constants:]:
            value.name = self.names(f"{layer.name}/{value.name}")
            assert value.const_value is not None
            value.const_value.name = value.name


def lifting(net: Net, *, opset: int, dialect: str, known: Collection[str] = (), weightless: bool = False) -> Lifting:
    """What comes of lifting each layer of a net that has one blob a write (see caffe.unshare)."""
    state = Lifting(opset, dialect, known, weightless)
    state.names.taken.update(top.lower() for item in net.layers for top in item.tops)
    for item in net.layers:
        state.layer(item)
    return state


def lift(net: Net, *, opset: int, dialect: str, known: Collection[str] = ()) -> tuple[Lifted | None, list[Problem]]:
    """The model of a net that has one blob a write (see caffe.unshare), or every blocker."""
    state = lifting(net, opset=opset, dialect=dialect, known=known)
    if state.problems:
        return None, state.problems
    outputs = [_output(state, name) for name in net.outputs]
    return Lifted(_model(state, net, outputs), {b: v.name or "" for b, v in state.values.items()}, state.shapes), []


def _output(state: Lifting, name: str) -> ir.Value:
    """The value of an output under the output's own name: an Identity where another blob has the value."""
    value = state.values[name]
    if value.name == name and value.producer() is not None:
        return value
    node = ir.node("Identity", [value], name=state.nodes(name))
    node.outputs[0].name, node.outputs[0].shape, node.outputs[0].type = name, value.shape, FLOAT
    state.op.nodes.append(node)
    return node.outputs[0]


def _model(state: Lifting, net: Net, outputs: Sequence[ir.Value]) -> ir.Model:
    nodes = _needed(state.op.nodes, outputs)
    read = {id(value) for node in nodes for value in node.inputs}
    graph = ir.Graph(
        state.inputs,
        outputs,
        nodes=nodes,
        initializers=[value for value in state.op.constants if id(value) in read],
        opset_imports={"": state.opset},
        name=net.name or "network",
    )
    version = IR_VERSIONS.get(state.opset, NEWEST)
    return ir.Model(graph, ir_version=version, producer_name=PRODUCER)


def _needed(nodes: Sequence[ir.Node], outputs: Sequence[ir.Value]) -> list[ir.Node]:
    """The nodes that the outputs need, in their order."""
    wanted = {id(value) for value in outputs}
    kept: list[ir.Node] = []
    for node in reversed(nodes):
        if any(id(value) in wanted for value in node.outputs):
            wanted.update(id(value) for value in node.inputs)
            kept.append(node)
    return kept[::-1]
