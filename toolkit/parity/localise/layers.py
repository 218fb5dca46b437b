"""Two engines on the same inputs -> how far apart they are at every value that both can give.

The values are compared a few at a time where all of them together would take too much memory: each engine then runs
once for every such chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.parity.compare import compare_output, without_added_axes
from toolkit.parity.inputs import Feeds, nudged
from toolkit.parity.layer_report import BINS, Layer
from toolkit.parity.localise.pair import Pair, Side
from toolkit.parity.localise.sizes import bytes_of_values
from toolkit.parity.parity import Rule, Say
from toolkit.parity.report import worst_of
from toolkit.parity.sensitivity import moved_by
from toolkit.runners.base import traits_of

CHUNK_BYTES = 2**29  # of values that are held at one time, all samples and both sides together


@dataclass(frozen=True)
class Times:
    """What each node or layer took, on both sides."""

    ours: dict[str, float] = field(default_factory=dict)
    theirs: dict[str, float] = field(default_factory=dict)


def compare_layers(
    pair: Pair, feeds: Sequence[Feeds], rule: Rule, say: Say = lambda text: None, limit: int = CHUNK_BYTES
) -> tuple[Layer, ...]:
    """Every value that both sides can give, in topological order."""
    values = pair.shared()
    sizes = bytes_of_values(pair.reference_graph, {name: array.shape for name, array in feeds[0].items()})
    times = Times()
    layers: list[Layer] = []
    for chunk in chunks(values, sizes, limit // (3 * len(feeds))):
        say(f"layer by layer: {len(layers)} of {len(values)} values")
        layers += _chunk(pair, chunk, feeds, rule, times)
    return tuple(described(layers, pair, times))


def chunks(values: Sequence[str], sizes: Mapping[str, int], limit: int) -> Iterator[tuple[str, ...]]:
    """The values in runs of no more than `limit` bytes each; one that is larger is a run by itself."""
    chunk: list[str] = []
    total = 0
    for value in values:
        if chunk and total + sizes[value] > limit:
            yield tuple(chunk)
            chunk, total = [], 0
        chunk.append(value)
        total += sizes[value]
    if chunk:
        yield tuple(chunk)


def _chunk(pair: Pair, values: Sequence[str], feeds: Sequence[Feeds], rule: Rule, times: Times) -> Iterator[Layer]:
    samples = list(feeds)
    wanted, took = pair.reference.collect(pair.load, values, [*samples, *map(nudged, samples)])
    times.ours.update(took)
    got, took = pair.other.collect(pair.load, values, samples)
    times.theirs.update(took)
    for value in values:
        before = [found.pop(value) for found in wanted]
        yield _compared(value, before[: len(samples)], before[len(samples) :], [f.pop(value) for f in got], pair, rule)


def _compared(
    value: str,
    wanted: Sequence[np.ndarray],
    moves: Sequence[np.ndarray],
    got: Sequence[np.ndarray],
    pair: Pair,
    rule: Rule,
) -> Layer:
    blob = pair.other.translation.names.get(value, value)
    allowed = rule.tolerances.get(value, rule.tolerance)
    fewest = traits_of(pair.other.subject.runtime).fewest_axes
    got = [without_added_axes(ours, theirs, fewest) for ours, theirs in zip(wanted, got, strict=True)]
    found = [compare_output(value, blob, *arrays, allowed) for arrays in zip(wanted, got, strict=True)]
    (worst,) = worst_of(found)
    place = found.index(worst)
    return Layer(
        value=value,
        blob=blob,
        comparison=worst,
        permuted=value in pair.other.translation.orders or value in pair.reference.translation.orders,
        noise=max(moved_by(before, after) for before, after in zip(wanted, moves, strict=True)),
        histogram=() if worst.problems else histogram(wanted[place], got[place], worst.scale),
    )


def histogram(reference: np.ndarray, other: np.ndarray, scale: float) -> tuple[int, ...]:
    """How many differences, over the reference's largest value, lie between the EDGES; the end bins take the rest."""
    difference = np.abs(reference.astype(np.float64) - other) / (scale or 1.0)
    with np.errstate(divide="ignore"):
        places = np.floor((np.log10(difference.ravel()) + 12) * 4)
    counts = np.bincount(np.clip(places, 0, BINS - 1).astype(np.int64), minlength=BINS)
    return tuple(counts.tolist())


def described(layers: Sequence[Layer], pair: Pair, times: Times) -> Iterator[Layer]:
    """The layers with what makes them on both sides."""
    values = {layer.value for layer in layers}
    net = pair.caffe
    side = pair.caffe_side
    stops = {side.translation.names[value] for value in values} if side else set()
    for layer in layers:
        steps, edge = pair.reference_graph.region([layer.value], values)
        nodes = [pair.reference_graph.steps[index] for index in steps]
        made = (
            [net.steps[index] for index in net.region([side.translation.names[layer.value]], stops)[0]]
            if net and side
            else []
        )
        yield replace(
            layer,
            parents=tuple(value for value in edge if value in values),
            nodes=tuple(node.id for node in nodes) if pair.reference_graph is not net else (),
            ops=tuple(dict.fromkeys(node.kind for node in nodes)) if pair.reference_graph is not net else (),
            layers=tuple(one.id for one in made),
            types=tuple(dict.fromkeys(one.kind for one in made)),
            source=next((node.source for node in nodes if node.source), ""),
            reference_seconds=_sum(times.ours, pair.reference, nodes, made),
            seconds=_sum(times.theirs, pair.other, nodes, made),
        )


def _sum(times: Mapping[str, float], side: Side, nodes: Sequence[object], made: Sequence[object]) -> float | None:
    steps = made if side.is_caffe else nodes
    known = [times[step.id] for step in steps if step.id in times]  # type: ignore[attr-defined]
    return sum(known) if known else None
