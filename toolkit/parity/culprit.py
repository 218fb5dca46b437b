"""Layers that differ -> the first one whose inputs still agree, and whether it differs by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.parity.layers import Layer


@dataclass(frozen=True)
class Culprit:
    """The layer where the difference begins.

    `own_error` is what the layer does alone, fed with the reference's own inputs; None where that was not tried.
    `others` differ too although their inputs agree: faults of their own.
    """

    layer: Layer
    own_error: float | None = None
    repro: str = ""
    others: tuple[str, ...] = ()
    note: str = ""

    @property
    def confirmed(self) -> bool:
        """Whether the layer alone is beyond tolerance."""
        return self.own_error is not None and self.own_error > self.layer.comparison.tolerance

    @property
    def sentence(self) -> str:
        """What people read first."""
        found = self.layer
        made = f"{'+'.join(found.ops) or '?'} -> {'+'.join(found.types)}" if found.types else "+".join(found.ops)
        where = f"blob '{found.blob}', " if found.blob != found.value else ""
        what = found.comparison.problems[0] if found.comparison.problems else (
            f"differs by {found.comparison.required:.3g} of its largest value; "
            f"{found.comparison.tolerance:g} is allowed"
        )
        return f"the first layer to differ is '{found.value}' ({where}{made}): {what}{self._alone()}"

    def _alone(self) -> str:
        if self.own_error is None:
            return self.note and f"; {self.note}"
        if self.confirmed:
            return f"; alone, on the reference's inputs, it differs by {self.own_error:.3g}"
        return f"; alone, on the reference's inputs, it agrees ({self.own_error:.3g}): the error gathers before it"


def roots(layers: Sequence[Layer]) -> list[Layer]:
    """The layers beyond tolerance that read nothing that is, in topological order: where a difference may begin."""
    wrong = {layer.value for layer in layers if layer.wrong}
    return [layer for layer in layers if layer.wrong and not wrong & set(layer.parents)]
