"""Layers and the culprit among them -> plain data for machines and for the HTML report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.parity.culprit import Culprit
from toolkit.parity.graphs import Graph
from toolkit.parity.layers import EDGES, Layer
from toolkit.parity.pair import Pair

WORST = 12  # layers whose histograms are told


@dataclass(frozen=True)
class LayerReport:
    """What the comparison layer by layer found between the reference and one engine."""

    layers: tuple[Layer, ...]
    culprit: Culprit | None
    skipped: tuple[tuple[str, str], ...]
    anchor: Graph
    caffe: Graph | None
    record: dict[str, Any] | None
    failure: str = ""  # of the engine on the whole network, with all values asked for

    @property
    def summary(self) -> str:
        """One sentence."""
        if self.culprit:
            return self.culprit.sentence
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
            "culprit": _culprit(self.culprit) if self.culprit else None,
            "layers": [_layer(layer, layer.value in told) for layer in self.layers],
            "histogram_edges": list(EDGES),
        }

    def graph_json(self) -> dict[str, Any]:
        """Both graphs and what became what."""
        onnx = self.anchor if self.anchor is not self.caffe else None
        return {
            "onnx": onnx and {**_ends(onnx), "nodes": [_node(step) for step in onnx.steps]},
            "caffe": self.caffe and {**_ends(self.caffe), "layers": [_caffe_layer(step) for step in self.caffe.steps]},
            "links": [
                {"value": one.value, "blob": one.blob, "nodes": list(one.nodes), "layers": list(one.layers)}
                for one in self.layers
            ],
        }


def skipped(pair: Pair, layers: Sequence[Layer]) -> tuple[tuple[str, str], ...]:
    """The values of the reference graph that were not compared, each with the reason."""
    compared = {layer.value for layer in layers}
    known = pair.theirs.names.names.keys() & pair.ours.names.names.keys()
    return tuple(
        (value, "the engine does not show it" if value in known else "no value of its own on the other side")
        for value in pair.anchor.writer
        if value not in compared
    )


def _rank(layer: Layer) -> float:
    return math.inf if layer.wrong and not layer.histogram else layer.comparison.required


def _culprit(found: Culprit) -> dict[str, Any]:
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


def _ends(graph: Graph) -> dict[str, Any]:
    return {"file": graph.file, "inputs": list(graph.inputs), "outputs": list(graph.outputs)}


def _node(step: Any) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "op": step.kind,
        "inputs": list(step.reads),
        "outputs": list(step.writes),
        "module": step.module,
        "source": step.source,
    }


def _caffe_layer(step: Any) -> dict[str, Any]:
    return {
        "id": step.id,
        "type": step.kind,
        "bottoms": list(step.reads),
        "tops": list(step.writes),
        "params": step.params,
    }


def finite(value: float) -> float | None:
    """JSON has no word for infinity and NaN."""
    return value if math.isfinite(value) else None
