"""Two engines that are looked into: each with what it calls the values, so that either can be asked for any of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from converters.errors import ToolkitError
from converters.mapping import ConversionMap
from toolkit.parity.inputs import Feeds
from toolkit.parity.localise.graphs import Graph, of_onnx
from toolkit.parity.localise.reference_graph import caffe_graph, reference_graph_of, translation_of
from toolkit.parity.parity import Subject
from toolkit.parity.translation import Translation, translated
from toolkit.runners.base import Load, Target, traits_of

Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Side:
    """One engine with one model, what it calls the reference graph's values, and the graph of its own files.

    torch has no files: there it is the reference graph.
    """

    subject: Subject
    translation: Translation
    graph: Graph

    @property
    def is_caffe(self) -> bool:
        """Whether it runs a Caffe net."""
        return self.subject.is_caffe

    @property
    def target(self) -> Target:
        """The subject's target with nothing fused and every layer timed."""
        assert isinstance(self.subject.target, Target)
        traits = traits_of(self.subject.runtime)
        options = {**self.subject.target.options, **traits.unfused, **traits.timed}
        return replace(self.subject.target, options=options, outputs=())

    def available(self, load: Load) -> set[str]:
        """The values that this engine can give; the model is loaded to find out."""
        silent = replace(self.translation, outputs=())
        with translated(load, {self.subject.model: silent})(self.subject.runtime, self.target) as runner:
            return set(runner.values)

    def collect(
        self, load: Load, values: Sequence[str], feeds: Sequence[Feeds]
    ) -> tuple[list[Outputs], Mapping[str, float]]:
        """These values for every sample, and what each node or layer took in the last one."""
        target = replace(self.target, outputs=tuple(values))
        with translated(load, {self.subject.model: self.translation})(self.subject.runtime, target) as runner:
            return [dict(runner.run(sample)) for sample in feeds], dict(runner.layer_seconds)


@dataclass(frozen=True)
class Pair:
    """The reference's side and the other's. Values are named as in `reference_graph`."""

    reference: Side
    other: Side
    reference_graph: Graph
    load: Load
    map: ConversionMap | None = None

    @property
    def caffe_side(self) -> Side | None:
        """The side that runs Caffe files, the other's first."""
        return next((side for side in (self.other, self.reference) if side.is_caffe), None)

    @property
    def caffe(self) -> Graph | None:
        """The Caffe net that is compared, where there is one."""
        return self.caffe_side.graph if self.caffe_side else None

    def shared(self) -> tuple[str, ...]:
        """The values that both sides can give, in topological order."""
        ours, theirs = self.reference.available(self.load), self.other.available(self.load)
        shared = self.reference_graph.writer.keys() & ours & theirs
        return tuple(value for value in self.reference_graph.order if value in shared)


def pair_of(reference: Subject, other: Subject, load: Load, known: ConversionMap | None = None) -> Pair:
    """Find what lies between two subjects: the map of a conversion, and the graph whose values both speak of.

    `known` is a map to use whatever file it was made from; without it that beside the Caffe files is taken.
    """
    for subject in (reference, other):
        if not isinstance(subject.target, Target):
            raise ToolkitError(f"the saved run of {subject.model} can't be looked into layer by layer")
    trusted = known is not None
    maps = [known or one.conversion_map() for one in (reference, other)]
    known = maps[1] or maps[0]
    graph = _cut(reference_graph_of(reference, other, known, trusted), reference)
    given = {blob: value for value, blob in other.names.items()} if reference.is_caffe else dict(other.names)
    ours, theirs = (
        Side(one, translation_of(one, graph, own, given), _graph(one, graph))
        for one, own in zip((reference, other), maps, strict=True)
    )
    return Pair(ours, theirs, graph, load, known)


def _cut(graph: Graph, reference: Subject) -> Graph:
    """The graph with the outputs that are compared: the reference may be asked for others than its file ends in."""
    assert isinstance(reference.target, Target)  # see pair_of
    asked = tuple(value for value in reference.target.outputs if value in graph.writer)
    return replace(graph, outputs=asked) if asked else graph


def _graph(subject: Subject, reference_graph: Graph) -> Graph:
    if subject.model == reference_graph.file:
        return reference_graph
    if subject.is_caffe:
        return caffe_graph(subject)
    return of_onnx(Path(subject.model), subject.precision) if subject.is_onnx else reference_graph
