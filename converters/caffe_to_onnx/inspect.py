"""What a prototxt becomes in ONNX, layer by layer, before it is converted: no weights are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from converters.caffe.net import Net, Shape
from converters.caffe_to_onnx.convert import OPSET, prepared
from converters.caffe_to_onnx.lift import lifting


@dataclass(frozen=True)
class LayerReport:
    """One layer: its tops, the ONNX operators that it becomes, or why it becomes none and what can be done."""

    name: str
    type: str
    tops: Mapping[str, Shape]
    operators: tuple[str, ...] = ()
    blocker: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Inspection:
    """All layers of the network that would be converted."""

    layers: tuple[LayerReport, ...]
    inputs: Mapping[str, Shape]
    outputs: tuple[str, ...]

    @property
    def convertible(self) -> bool:
        """Whether nothing blocks. Missing weights are not looked for."""
        return not any(layer.blocker for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """The inspection as plain data."""
        return {**asdict(self), "convertible": self.convertible}


def inspect(
    net: Net,
    *,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    opset: int = OPSET,
    dialect: str = "bvlc",
    where: str = "the net",
) -> Inspection:
    """Lift every layer of a net without weights; what reads a blocked layer's top is left out of account."""
    cut, single = prepared(net, input_shapes, outputs, opset, dialect, None, where)
    state = lifting(single, opset=opset, dialect=dialect, weightless=True)
    blockers = {(found.op, found.name): found for found in state.problems}
    layers = []
    for layer in single.layers:
        found = blockers.get((layer.type, layer.name))
        layers.append(
            LayerReport(
                layer.name,
                layer.type,
                {top: state.shapes[top] for top in layer.tops if top in state.shapes},
                tuple(state.made.get(layer.name, ())),
                found.reason if found else "",
                found.hint if found else "",
            )
        )
    return Inspection(tuple(layers), cut.inputs, cut.outputs)
