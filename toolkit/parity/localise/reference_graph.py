"""Which graph's values two engines are compared by, and what each engine calls them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from converters.errors import InvalidInput, Remedy, ToolkitError
from converters.mapping import ConversionMap
from converters.names import safe
from toolkit.onnx_file import FLOAT32
from toolkit.parity.localise.graphs import Graph, blob_of, is_overwritten, of_caffe, of_onnx, read_caffe
from toolkit.parity.parity import Subject
from toolkit.parity.translation import Translation, of_map
from toolkit.runners.base import CALL, Target, traits_of

AFFINE = ("BatchNorm", "Scale", "Bias", "Power")  # Caffe's layers of their own for what could be folded
HELPER = re.compile(r"/[a-z]+(_\d+)?$")
FOLDABLE = ("BatchNormalization", "Mul", "Add", "Sub", "Div")


def reference_graph_of(first: Subject, second: Subject, known: ConversionMap | None, trusted: bool = False) -> Graph:
    """The ONNX file of the pair, else the one that the map names, else the Caffe net itself.

    A map that was made from another file is refused, unless it is `trusted`.
    """
    for subject in (first, second):
        if subject.is_onnx:
            if known and not trusted:
                _check_source(known, Path(subject.model))
            return of_onnx(Path(subject.model), subject.precision)
    if known and Path(known.source).is_file():
        if not trusted:
            _check_source(known, Path(known.source))
        return of_onnx(Path(known.source), FLOAT32)
    for subject in (first, second):
        if subject.is_caffe and first.is_caffe == second.is_caffe:
            return caffe_graph(subject)
    raise ToolkitError(
        f"{first.model} and {second.model} can't be compared layer by layer: neither is an ONNX file, and no map of a "
        f"conversion says which ONNX file lies between them"
    )


def _check_source(known: ConversionMap, path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != known.source_sha256:
        raise InvalidInput(
            f"the map beside the Caffe files was made from another file than {path} (the sha256 differs)",
            Remedy("convert again, or name the map to use it all the same", "map"),
        )


def caffe_graph(subject: Subject) -> Graph:
    """The graph of a Caffe subject's own net."""
    weights = subject.target.weights if isinstance(subject.target, Target) else None
    return of_caffe(read_caffe(Path(subject.model), weights), subject.model)


def translation_of(
    subject: Subject, graph: Graph, known: ConversionMap | None, given: Mapping[str, str]
) -> Translation:
    """What a subject calls the reference graph's values. `given` are names that the user says, and win."""
    if traits_of(subject.runtime).by_module:
        found = by_module(graph)
        return Translation(found, outputs=tuple(value for value in graph.outputs if value in found))
    if subject.is_onnx or subject.model == graph.file:
        values = (*graph.inputs, *graph.writer)
        return Translation({value: value for value in values}, outputs=graph.outputs)
    if known and subject.is_caffe:
        return _by_map(known, graph, given)
    return _by_name(caffe_graph(subject), graph, given)


def _by_map(known: ConversionMap, graph: Graph, given: Mapping[str, str]) -> Translation:
    values = set(graph.writer)
    found = of_map(known, given)
    return replace(found, names={value: blob for value, blob in found.names.items() if value in values})


def _by_name(net: Graph, graph: Graph, given: Mapping[str, str]) -> Translation:
    """Without a map: a blob has the value of its name, or of the last layer that writes it, where several do."""
    ours = {safe(value): value for value in graph.writer}
    values = [value for step in net.steps for value in step.writes]
    layers: dict[str, list[str]] = {value: [] for value in values if not is_overwritten(value)}
    for step in net.steps:
        for value in step.writes:
            # A pooling that is cut to size is `pool` and `pool/convolution`: the last of several has the value.
            layers.get(blob_of(value), []).append(HELPER.sub("", step.name) if step.name not in ours else step.name)
    names: dict[str, str] = {}
    for blob, writers in layers.items():
        called = [blob] if len(writers) == 1 and blob in ours else writers
        if called[-1] in ours:
            # Of what one blob holds in turn, the value is the model's last: a pooling may stand before its ReLU.
            last = max((ours[name] for name in called if name in ours), key=graph.order.__getitem__)
            names[_with_folded(last, blob, graph, net)] = blob
    inputs = {value: safe(value) for value in graph.inputs if safe(value) in net.inputs}
    if len(graph.inputs) == len(net.inputs) == 1:
        inputs = dict(zip(graph.inputs, net.inputs, strict=True))
    if len(graph.outputs) == len(net.outputs) == 1:
        names[graph.outputs[0]] = net.outputs[0]
    names |= given
    return Translation(names, {**inputs, **{name: blob for name, blob in given.items() if name in graph.inputs}})


def _with_folded(value: str, blob: str, graph: Graph, net: Graph) -> str:
    """The value that a blob has, whose layer may hold the BatchNormalization behind it and be called as before."""
    called = {name for step in net.steps for name in (step.name, *step.writes)}
    if any(blob in step.reads and step.kind in AFFINE for step in net.steps):
        return value
    while True:
        readers = [step for step in graph.steps if value in step.reads]
        behind = readers[0] if len(readers) == 1 and value not in graph.outputs else None
        if behind is None or behind.kind not in FOLDABLE or behind.reads != (value,) or safe(behind.id) in called:
            return value
        value = behind.id


def by_module(graph: Graph) -> dict[str, str]:
    """ONNX value -> the call of a torch submodule that returned it: the one value that leaves the call's nodes.

    A module whose nodes hold other modules' nodes between them is no leaf, and left out: its last value may not be
    what it returned.
    """
    readers: dict[str, set[int]] = {}
    for index, step in enumerate(graph.steps):
        for value in step.reads:
            readers.setdefault(value, set()).add(index)
    calls: dict[str, int] = {}
    found: dict[str, str] = {}
    for path, group in groupby(enumerate(graph.steps), key=lambda item: item[1].module):
        steps = dict(group)
        if not path:
            continue
        count = calls.get(path, 0)
        calls[path] = count + 1
        left = [
            value
            for step in steps.values()
            for value in step.writes
            if value in graph.outputs or readers.get(value, set()) - steps.keys()
        ]
        if len(left) == 1:
            found[left[0]] = f"{path}{CALL}{count}" if count else path
    return found
