"""Two engines on the same inputs -> how far apart they are at every value that both can give.

The values are compared a few at a time where all of them together would take too much memory: each engine then runs
once for every such chunk.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from toolkit.parity.compare import OutputComparison, compare_output
from toolkit.parity.inputs import Feeds, nudged
from toolkit.parity.pair import Pair, Side
from toolkit.parity.parity import Rule
from toolkit.parity.parity import Step as Say
from toolkit.parity.report import worst_of
from toolkit.parity.sensitivity import ROUNDING, moved
from toolkit.parity.sizes import bytes_of_values

CHUNK_BYTES = 2**29  # of values that are held at one time, all samples and both sides together
BINS = 48
EDGES = tuple(10.0 ** (-12 + place / 4) for place in range(BINS + 1))


@dataclass(frozen=True)
class Layer:
    """One value in both engines, in the sample where it came off worst.

    `nodes` and `layers` are what makes it from the compared values before it, `parents`, in the ONNX file and in the
    Caffe net. `noise` is how far a change of the inputs by 1e-6 moves the reference here.
    """

    value: str
    blob: str
    comparison: OutputComparison
    parents: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    source: str = ""
    permuted: bool = False
    noise: float = 0.0
    histogram: tuple[int, ...] = ()
    seconds: float | None = None
    reference_seconds: float | None = None

    @property
    def status(self) -> str:
        """passed, failed, broken (nothing to measure: NaN, another shape), or noise: the reference's own rounding."""
        found = self.comparison
        if found.passed:
            return "passed"
        if found.problems:
            return "broken"
        ill = self.noise > found.tolerance and found.required <= ROUNDING * self.noise
        return "noise" if ill else "failed"

    @property
    def wrong(self) -> bool:
        return self.status in ("failed", "broken")


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
    sizes = bytes_of_values(pair.anchor, {name: array.shape for name, array in feeds[0].items()})
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
    wanted, took = pair.ours.collect(pair.load, values, [*samples, *map(nudged, samples)])
    times.ours.update(took)
    got, took = pair.theirs.collect(pair.load, values, samples)
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
    blob = pair.theirs.names.names.get(value, value)
    allowed = rule.tolerances.get(value, rule.tolerance)
    if pair.theirs.subject.runtime == "opencv":
        got = [_without_column(ours, theirs) for ours, theirs in zip(wanted, got, strict=True)]
    found = [compare_output(value, blob, *arrays, allowed) for arrays in zip(wanted, got, strict=True)]
    (worst,) = worst_of(found)
    place = found.index(worst)
    return Layer(
        value=value,
        blob=blob,
        comparison=worst,
        permuted=value in pair.theirs.names.orders or value in pair.ours.names.orders,
        noise=max(moved(before, after) for before, after in zip(wanted, moves, strict=True)),
        histogram=() if worst.problems else histogram(wanted[place], got[place], worst.scale),
    )


def _without_column(reference: np.ndarray, other: np.ndarray) -> np.ndarray:
    """OpenCV's arrays have no fewer than two dimensions: (n,) comes as (n, 1)."""
    return other.ravel() if reference.ndim == 1 and other.shape == (*reference.shape, 1) else other


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
    stops = {side.names.names[value] for value in values} if side else set()
    for layer in layers:
        steps, edge = pair.anchor.region([layer.value], values)
        nodes = [pair.anchor.steps[index] for index in steps]
        made = (
            [net.steps[index] for index in net.region([side.names.names[layer.value]], stops)[0]]
            if net and side
            else []
        )
        yield replace(
            layer,
            parents=tuple(value for value in edge if value in values),
            nodes=tuple(node.id for node in nodes) if pair.anchor is not net else (),
            ops=tuple(dict.fromkeys(node.kind for node in nodes)) if pair.anchor is not net else (),
            layers=tuple(one.id for one in made),
            types=tuple(dict.fromkeys(one.kind for one in made)),
            source=next((node.source for node in nodes if node.source), ""),
            reference_seconds=_sum(times.ours, pair.ours, nodes, made),
            seconds=_sum(times.theirs, pair.theirs, nodes, made),
        )


def _sum(times: Mapping[str, float], side: Side, nodes: Sequence[object], made: Sequence[object]) -> float | None:
    steps = made if side.is_caffe else nodes
    known = [times[step.id] for step in steps if step.id in times]  # type: ignore[attr-defined]
    return sum(known) if known else None
