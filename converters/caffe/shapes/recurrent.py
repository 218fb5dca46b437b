"""Layers that run over a sequence (T, N, ...): all hidden states (T, N, H), then the last states (1, N, H)."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule
from converters.caffe.values import Values
from converters.errors import require


def _states(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms[0]) >= 2, "a sequence without a batch")
    (steps, batch), hidden = bottoms[0][:2], values["num_output"]
    return [(steps, batch, hidden), (1, batch, hidden), (1, batch, hidden)][:tops]


RULES: dict[str, Rule] = {"LSTM": _states, "RNN": _states}
