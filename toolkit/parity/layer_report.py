"""What a comparison layer by layer found, as data: for the report of its engine, for machines and for the HTML page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from toolkit.parity.compare import OutputComparison
from toolkit.parity.sensitivity import ROUNDING

WORST = 12  # layers whose histograms are told
BINS = 48
EDGES = tuple(10.0 ** (-12 + place / 4) for place in range(BINS + 1))  # of a histogram of differences


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
        """Whether it differs by more than the reference's own rounding."""
        return self.status in ("failed", "broken")


@dataclass(frozen=True)
class FirstFault:
    """The layer where the difference begins.

    `own_error` is what the layer does alone, fed with the reference's own inputs; None where that could not be tried,
    and `note` says why. `first` is the first layer beyond tolerance where that is another one: its own error is
    within tolerance at first, and grows. `others` differ too although their inputs agree: faults of their own.
    """

    layer: Layer
    own_error: float | None = None
    tolerance: float = 0.0
    repro: str = ""
    first: str = ""
    others: tuple[str, ...] = ()
    note: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether the layer alone differs."""
        return self.own_error is not None and self.own_error > self.tolerance

    @property
    def sentence(self) -> str:
        """What people read first."""
        found = self.layer
        made = " -> ".join("+".join(kinds) for kinds in (found.ops, found.types) if kinds)
        blob = f"blob '{found.blob}', " if found.blob != found.value else ""
        more = f"; {len(self.others)} more differ though their inputs agree" if self.others else ""
        return f"{self._place()} '{found.value}' ({blob}{made}): {self._difference()}{self._alone()}{more}"

    def _place(self) -> str:
        return (
            f"the difference beyond tolerance at '{self.first}' comes from" if self.first else "the first to differ is"
        )

    def _difference(self) -> str:
        found = self.layer.comparison
        if found.problems:
            return found.problems[0]
        return f"differs by {found.required:.3g} of its largest value, {found.tolerance:g} is allowed"

    def _alone(self) -> str:
        if self.own_error is None:
            return self.note and f"; {self.note}"
        if self.confirmed:
            how = self.note or f"it differs by {self.own_error:.3g}"
            return f"; alone, on the reference's inputs, {how}"
        return f"; alone, on the reference's inputs, it agrees to {self.own_error:.3g}: the error gathers before it"


@dataclass(frozen=True)
class LayerReport:
    """What the comparison layer by layer found between the reference and one engine."""

    layers: tuple[Layer, ...]
    first_fault: FirstFault | None
    skipped: tuple[tuple[str, str], ...]
    graph: Mapping[str, Any] | None
    record: dict[str, Any] | None
    failure: str = ""  # of the engine on the whole network, with all values asked for

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.first_fault:
            return self.first_fault.sentence
        if self.failure:
            return f"the engine fails, and no part of the network alone shows why: {self.failure}"
        if not self.layers:
            return "no value is known to both sides, so nothing was compared layer by layer"
        worst = max(self.layers, key=lambda layer: layer.comparison.required)
        noisy = sum(layer.status == "noise" for layer in self.layers)
        tail = f"; {noisy} beyond tolerance are as ill-conditioned in the reference itself" if noisy else ""
        return (
            f"all {len(self.layers)} compared values agree, the worst to {worst.comparison.required:.2g} "
            f"('{worst.value}'){tail}"
        )

    def to_json(self) -> dict[str, Any]:
        """The `layers` of a row."""
        ranked = sorted(self.layers, key=lambda layer: -_rank(layer))[:WORST]
        told = {layer.value for layer in ranked}
        return {
            "compared": len(self.layers),
            "summary": self.summary,
            "skipped": [{"value": value, "reason": reason} for value, reason in self.skipped],
            "first_fault": _first_fault(self.first_fault) if self.first_fault else None,
            "layers": [_layer(layer, layer.value in told) for layer in self.layers],
            "histogram_edges": list(EDGES),
        }


def _rank(layer: Layer) -> float:
    return math.inf if layer.wrong and not layer.histogram else layer.comparison.required


def _first_fault(found: FirstFault) -> dict[str, Any]:
    layer = found.layer
    return {
        "value": layer.value,
        "blob": layer.blob,
        "nodes": list(layer.nodes),
        "layers": list(layer.layers),
        "ops": list(layer.ops),
        "types": list(layer.types),
        "source": layer.source,
        "required_tolerance": finite(layer.comparison.required),
        "own_error": None if found.own_error is None else finite(found.own_error),
        "confirmed": found.confirmed,
        "repro": found.repro or None,
        "others": list(found.others),
        "sentence": found.sentence,
    }


def _layer(layer: Layer, with_histogram: bool) -> dict[str, Any]:
    found = layer.comparison
    return {
        "name": layer.value,
        "blob": layer.blob,
        "nodes": list(layer.nodes),
        "layers": list(layer.layers),
        "ops": list(layer.ops),
        "types": list(layer.types),
        "parents": list(layer.parents),
        "shape": list(found.shape),
        "permuted": layer.permuted,
        "source": layer.source,
        "status": layer.status,
        "reasons": list(found.reasons),
        "tolerance": found.tolerance,
        "required_tolerance": finite(found.required),
        "max_abs": finite(found.max_abs),
        "mean_abs": finite(found.mean_abs),
        "max_reference": finite(found.scale),
        "cosine": finite(found.cosine),
        "noise": finite(layer.noise),
        "seconds": layer.seconds,
        "reference_seconds": layer.reference_seconds,
        "histogram": list(layer.histogram) if with_histogram and layer.histogram else None,
    }


def finite(value: float) -> float | None:
    """JSON has no word for infinity and NaN."""
    return value if math.isfinite(value) else None
