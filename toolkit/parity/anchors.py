"""Which graph's values two engines are compared by, and what each engine calls them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from converters.errors import InvalidInput, ToolkitError
from converters.mapping import ConversionMap, beside
from converters.names import safe
from toolkit.parity.graphs import Graph, of_caffe, of_onnx, read_caffe
from toolkit.parity.parity import Subject
from toolkit.parity.translation import Translation
from toolkit.runners.base import CALL, Target


def find_map(subject: Subject) -> ConversionMap | None:
    """The map beside a Caffe subject's prototxt."""
    return beside(Path(subject.model)) if is_caffe(subject) else None


def is_caffe(subject: Subject) -> bool:
    return subject.model.endswith(".prototxt")


def is_onnx(subject: Subject) -> bool:
    return subject.model.endswith(".onnx")


def anchor_of(first: Subject, second: Subject, known: ConversionMap | None, trusted: bool = False) -> Graph:
    """The ONNX file of the pair, else the one that the map names, else the Caffe net itself.

    A map that was made from another file is refused, unless it is `trusted`.
    """
    for subject in (first, second):
        if is_onnx(subject):
            if known and not trusted:
                _check_source(known, Path(subject.model))
            return of_onnx(Path(subject.model))
    if known and Path(known.source).is_file():
        if not trusted:
            _check_source(known, Path(known.source))
        return of_onnx(Path(known.source))
    for subject in (first, second):
        if is_caffe(subject) and is_caffe(first) == is_caffe(second):
            return caffe_graph(subject)
    raise ToolkitError(
        f"{first.model} and {second.model} can't be compared layer by layer: neither is an ONNX file, and no map of a "
        f"conversion says which ONNX file lies between them"
    )


def _check_source(known: ConversionMap, path: Path) -> None:
    if hashlib.sha256(path.read_bytes()).hexdigest() != known.source_sha256:
        raise InvalidInput(
            f"the map beside the Caffe files was made from another file than {path} (the sha256 differs): convert "
            f"again, or name the map by --map to use it all the same"
        )


def caffe_graph(subject: Subject) -> Graph:
    """The graph of a Caffe subject's own net."""
    weights = subject.target.weights if isinstance(subject.target, Target) else None
    return of_caffe(read_caffe(Path(subject.model), weights), subject.model)


def translation_of(
    subject: Subject, anchor: Graph, known: ConversionMap | None, given: Mapping[str, str]
) -> Translation:
    """What a subject calls the anchor's values. `given` are names that the user says, and win."""
    if subject.runtime == "torch":
        found = by_module(anchor)
        return Translation(found, outputs=tuple(value for value in anchor.outputs if value in found))
    if is_onnx(subject) or subject.model == anchor.file:
        values = (*anchor.inputs, *anchor.writer)
        return Translation({value: value for value in values}, outputs=anchor.outputs)
    if known and is_caffe(subject):
        return _by_map(known, anchor, given)
    return _by_name(caffe_graph(subject), anchor, given)


def of_map(known: ConversionMap, given: Mapping[str, str] | None = None) -> Translation:
    """A conversion's map as it is, for all values."""
    images = (
        {name for name in known.inputs if len(known.input_shapes.get(name, ())) == 4} if known.preprocessing else set()
    )
    return Translation(
        names={**known.names, **(given or {})},
        inputs=known.inputs,
        outputs=tuple(known.outputs),
        orders=known.channel_orders,
        views=known.views,
        raw=known.preprocessing,
        images=images,
    )


def _by_map(known: ConversionMap, anchor: Graph, given: Mapping[str, str]) -> Translation:
    values = set(anchor.writer)
    found = of_map(known, given)
    return replace(found, names={value: blob for value, blob in found.names.items() if value in values})


def _by_name(net: Graph, anchor: Graph, given: Mapping[str, str]) -> Translation:
    """Without a map: a blob written once has the value of its name; one written in place that of its last layer."""
    writes = Counter(value.partition("@")[0] for step in net.steps for value in step.writes)
    blobs: dict[str, str] = {}
    for step in net.steps:
        for value in step.writes:
            if "@" not in value or value in writes:
                blobs.setdefault(value if writes[value] == 1 else step.name, value)
    names = {value: blobs[safe(value)] for value in anchor.writer if safe(value) in blobs}
    inputs = {value: safe(value) for value in anchor.inputs if safe(value) in net.inputs}
    if len(anchor.inputs) == len(net.inputs) == 1:
        inputs = dict(zip(anchor.inputs, net.inputs, strict=True))
    if len(anchor.outputs) == len(net.outputs) == 1:
        names[anchor.outputs[0]] = net.outputs[0]
    names |= given
    return Translation(names, {**inputs, **{name: blob for name, blob in given.items() if name in anchor.inputs}})


def by_module(anchor: Graph) -> dict[str, str]:
    """ONNX value -> the call of a torch submodule that returned it: the one value that leaves the call's nodes.

    A module whose nodes hold other modules' nodes between them is no leaf, and left out: its last value may not be
    what it returned.
    """
    readers: dict[str, set[int]] = {}
    for index, step in enumerate(anchor.steps):
        for value in step.reads:
            readers.setdefault(value, set()).add(index)
    calls: dict[str, int] = {}
    found: dict[str, str] = {}
    for path, group in groupby(enumerate(anchor.steps), key=lambda item: item[1].module):
        steps = dict(group)
        if not path:
            continue
        count = calls.get(path, 0)
        calls[path] = count + 1
        left = [
            value
            for step in steps.values()
            for value in step.writes
            if value in anchor.outputs or readers.get(value, set()) - steps.keys()
        ]
        if len(left) == 1:
            found[left[0]] = f"{path}{CALL}{count}" if count else path
    return found
