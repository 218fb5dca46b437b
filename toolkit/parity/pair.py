"""Two engines that are looked into: each with what it calls the values, so that either can be asked for any of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converters.errors import ToolkitError
from converters.mapping import ConversionMap
from toolkit.parity.anchors import anchor_of, caffe_graph, find_map, is_caffe, is_onnx, translation_of
from toolkit.parity.graphs import Graph, of_onnx
from toolkit.parity.inputs import Feeds
from toolkit.parity.parity import Load, Subject
from toolkit.parity.translation import Translation, translated
from toolkit.runners.base import Target

Outputs = dict[str, np.ndarray]
# What a runtime needs to be told so that it shows every value as it is, and how long each took.
WATCHED = {
    "onnxruntime": {"profile": "on"},
    "caffe": {"profile": "on"},
    "opencv": {"profile": "on", "fusion": "off"},
    "torch": {"by": "module"},
}


@dataclass(frozen=True)
class Side:
    """One engine with one model, what it calls the anchor's values, and the graph of its own files.

    torch has no files: there the graph is the anchor.
    """

    subject: Subject
    names: Translation
    graph: Graph

    @property
    def is_caffe(self) -> bool:
        return is_caffe(self.subject)

    @property
    def target(self) -> Target:
        """The subject's target with nothing fused and every layer timed."""
        assert isinstance(self.subject.target, Target)
        options = {**self.subject.target.options, **WATCHED.get(self.subject.runtime, {})}
        return replace(self.subject.target, options=options, outputs=())

    def available(self, load: Load) -> Collection[str]:
        """The values that this engine can give; the model is loaded to find out."""
        if is_onnx(self.subject) and self.subject.runtime == "onnxruntime":
            return self.names.names.keys()
        silent = replace(self.names, outputs=())
        with translated(load, {self.subject.model: silent})(self.subject.runtime, self.target) as runner:
            return set(runner.values)

    def collect(
        self, load: Load, values: Sequence[str], feeds: Sequence[Feeds]
    ) -> tuple[list[Outputs], Mapping[str, float]]:
        """These values for every sample, and what each node or layer took in the last one."""
        target = replace(self.target, outputs=tuple(values))
        with translated(load, {self.subject.model: self.names})(self.subject.runtime, target) as runner:
            return [dict(runner.run(sample)) for sample in feeds], dict(runner.layer_seconds)


@dataclass(frozen=True)
class Pair:
    """The reference's side and the other's. Values are named as in `anchor`."""

    ours: Side
    theirs: Side
    anchor: Graph
    load: Load
    map: ConversionMap | None = None

    @property
    def caffe_side(self) -> Side | None:
        """The side that runs Caffe files, the other's first."""
        return next((side for side in (self.theirs, self.ours) if side.is_caffe), None)

    @property
    def caffe(self) -> Graph | None:
        """The Caffe net that is compared, where there is one."""
        return self.caffe_side.graph if self.caffe_side else None

    def shared(self) -> tuple[str, ...]:
        """The values that both sides can give, in topological order."""
        ours, theirs = self.ours.available(self.load), self.theirs.available(self.load)
        made = self.anchor.writer.keys()
        return tuple(value for value in self.anchor.order if value in made and value in ours and value in theirs)


def pair_of(reference: Subject, other: Subject, load: Load, known: ConversionMap | None = None) -> Pair:
    """Find what lies between two subjects: the map of a conversion, and the graph whose values both speak of.

    `known` is a map to use whatever file it was made from; without it that beside the Caffe files is taken.
    """
    for subject in (reference, other):
        if not isinstance(subject.target, Target):
            raise ToolkitError(f"the saved run of {subject.model} can't be looked into layer by layer")
    trusted = known is not None
    maps = [known or find_map(one) for one in (reference, other)]
    known = maps[1] or maps[0]
    anchor = anchor_of(reference, other, known, trusted)
    given = {blob: value for value, blob in other.names.items()} if is_caffe(reference) else dict(other.names)
    ours, theirs = (
        Side(one, translation_of(one, anchor, own, given), _graph(one, anchor))
        for one, own in zip((reference, other), maps, strict=True)
    )
    return Pair(ours, theirs, anchor, load, known)


def _graph(subject: Subject, anchor: Graph) -> Graph:
    if subject.model == anchor.file:
        return anchor
    if is_caffe(subject):
        return caffe_graph(subject)
    return of_onnx(Path(subject.model)) if is_onnx(subject) else anchor
