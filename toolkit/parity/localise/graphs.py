"""An ONNX file or a Caffe net as steps that read and write values: what both have in common, for walking backwards.

Caffe writes some blobs more than once (in place); here each write makes a value of its own, named as by `unshare`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from converters.caffe import files, text
from converters.caffe.net import Net
from converters.caffe.unshare import unshare
from converters.errors import InvalidInput
from converters.onnx.notes import MODULE, SOURCE
from toolkit.onnx_file import OWN, read_onnx

SHOWN = ("num_output", "kernel_size", "kernel_h", "kernel_w", "stride", "pad", "group", "dilation", "pool", "operation")


@dataclass(frozen=True)
class Step:
    """One ONNX node (its id: the first output) or one Caffe layer (its id: the name)."""

    id: str
    kind: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    name: str = ""
    module: str = ""
    source: str = ""
    params: str = ""


@dataclass(frozen=True)
class Graph:
    """Steps in topological order. `inputs` are values that no step makes (an Input layer is no step).

    `precision` is what an ONNX file was read in.
    """

    file: str
    steps: tuple[Step, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    precision: str = OWN

    @cached_property
    def writer(self) -> Mapping[str, int]:
        """The step that makes each value."""
        return {value: index for index, step in enumerate(self.steps) for value in step.writes}

    def region(self, targets: Collection[str], stops: Collection[str]) -> tuple[tuple[int, ...], tuple[str, ...]]:
        """The steps that make `targets` from `stops` and inputs, and which of those they read; both in order."""
        found: set[int] = set()
        edge: dict[str, None] = {}
        stack = list(targets)
        while stack:
            value = stack.pop()
            index = self.writer.get(value)
            if index is None:
                edge[value] = None
            elif index not in found:
                found.add(index)
                for read in self.steps[index].reads:
                    if read in stops:
                        edge[read] = None
                    else:
                        stack.append(read)
        order = self.order
        return tuple(sorted(found)), tuple(sorted(edge, key=order.__getitem__))

    def ancestors(self, target: str) -> set[str]:
        """Every value that `target` is computed from, itself included."""
        steps, edge = self.region([target], ())
        return {target, *edge, *(value for index in steps for value in self.steps[index].writes)}

    @cached_property
    def order(self) -> Mapping[str, int]:
        """Every value -> its place in topological order."""
        made = (value for step in self.steps for value in step.writes)
        return {value: place for place, value in enumerate(dict.fromkeys((*self.inputs, *made)))}


def of_onnx(path: Path, precision: str = OWN) -> Graph:
    """An ONNX file's main graph; weights and other constants are no values here."""
    graph = read_onnx(path, precision).graph
    constants = {tensor.name for tensor in graph.initializer} | {t.values.name for t in graph.sparse_initializer}
    inputs = tuple(value.name for value in graph.input if value.name not in constants)
    steps = [
        Step(
            id=next(filter(None, node.output), node.name),
            kind=node.op_type,
            reads=tuple(dict.fromkeys(name for name in _reads(node) if name and name not in constants)),
            writes=tuple(name for name in node.output if name),
            name=node.name,
            **_notes(node),
        )
        for node in graph.node
    ]
    known = {*inputs, *(value for step in steps for value in step.writes)}
    loose = [value for step in steps for value in step.reads if value not in known]
    if loose:
        raise InvalidInput(f"{path}: nothing makes the value '{loose[0]}'")
    return Graph(str(path), tuple(steps), inputs, tuple(value.name for value in graph.output), precision)


def _reads(node: Any) -> Iterator[str]:
    """What a node reads, the bodies of If and Loop included: they see the values around them."""
    yield from node.input
    for attribute in node.attribute:
        for body in [attribute.g, *attribute.graphs] if attribute.HasField("g") or attribute.graphs else []:
            own = {value.name for value in body.input} | {tensor.name for tensor in body.initializer}
            own |= {name for inner in body.node for name in inner.output}
            yield from (name for inner in body.node for name in _reads(inner) if name not in own)
            yield from (value.name for value in body.output if value.name not in own)


def _notes(node: Any) -> dict[str, str]:
    found = {entry.key: entry.value for entry in node.metadata_props}
    return {"module": found.get(MODULE, ""), "source": found.get(SOURCE, "")}


def of_caffe(net: Net, file: str) -> Graph:
    """A Caffe net as steps over the values that its blobs hold one after the other."""
    _check_reads(net, file)
    layers = unshare(net).layers
    steps = [
        Step(layer.name, layer.type, layer.bottoms, layer.tops, layer.name, params=_shown(layer.params))
        for layer in layers
        if layer.type != "Input"
    ]
    inputs = tuple(top for layer in layers if layer.type == "Input" for top in layer.tops)
    return Graph(file, tuple(steps), inputs, net.outputs)


def _check_reads(net: Net, file: str) -> None:
    made: set[str] = set()
    for layer in net.layers:
        for blob in layer.bottoms:
            if blob not in made:
                raise InvalidInput(f"{file}: a layer reads the blob '{blob}', which no layer before it makes")
        made.update(layer.tops)


def blob_of(value: str) -> str:
    """The blob that a value of a Caffe net stands in."""
    return value.partition("@")[0]


def is_overwritten(value: str) -> bool:
    """Whether a later layer writes over a Caffe net's value, so that it can't be read when the net has run."""
    return "@" in value


def _shown(params: Mapping[str, Any]) -> str:
    """The parameters that tell a reader most."""
    flat = {key: value for group in params.values() if isinstance(group, Mapping) for key, value in group.items()}
    return ", ".join(f"{key} {_plain(flat[key])}" for key in SHOWN if key in flat)


def _plain(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def read_caffe(prototxt: Path, caffemodel: Path | None) -> Net:
    """A prototxt and its weights as a Net."""
    return files.with_weights(text.read(prototxt), files.read_weights(caffemodel) if caffemodel else {})
