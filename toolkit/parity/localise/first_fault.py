"""Layers that differ -> where the difference may begin: what to try alone, on the reference's own inputs."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.parity.layer_report import Layer

FAULT = 1e-5  # alone, on equal inputs, float32 layers differ by a tenth of this; more is no rounding
SUSPECTS = 6


def roots(layers: Sequence[Layer]) -> list[Layer]:
    """The layers beyond tolerance that read nothing that is, in topological order: where a difference may begin."""
    wrong = {layer.value for layer in layers if layer.wrong}
    return [layer for layer in layers if layer.wrong and not wrong & set(layer.parents)]


def suspects(first: Layer, layers: Sequence[Layer]) -> list[Layer]:
    """Layers before `first` that are within tolerance, those first that add most to the error of what they read."""
    known = {layer.value: layer for layer in layers}
    before: dict[str, Layer] = {}
    stack = list(first.parents)
    while stack:
        value = stack.pop()
        if value not in before:
            before[value] = known[value]
            stack += known[value].parents
    steps = {value: layer.comparison.required - _read(layer, known) for value, layer in before.items()}
    likely = [value for value in before if steps[value] > FAULT]
    return [before[value] for value in sorted(likely, key=lambda value: -steps[value])[:SUSPECTS]]


def _read(layer: Layer, known: dict[str, Layer]) -> float:
    """The largest error among what a layer reads."""
    return max((known[parent].comparison.required for parent in layer.parents), default=0.0)
