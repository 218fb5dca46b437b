"""Layers that differ -> the first one whose inputs still agree, and whether it differs by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.parity.layers import Layer

FAULT = 1e-5  # alone, on equal inputs, float32 layers differ by a tenth of this; more is no rounding
SUSPECTS = 6


@dataclass(frozen=True)
class Culprit:
    """The layer where the difference begins.

    `own_error` is what the layer does alone, fed with the reference's own inputs; None where that could not be tried,
    and `note` says why. `first` is the first layer beyond tolerance where that is another one: the culprit's error is
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
