"""How integers stand for numbers: scale * (q - zero), between the least and the largest integer of a type."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import onnx

KINDS: dict[int, tuple[str, int, int]] = {
    onnx.TensorProto.UINT8: ("uint8", 0, 2**8 - 1),
    onnx.TensorProto.INT8: ("int8", -(2**7), 2**7 - 1),
    onnx.TensorProto.UINT16: ("uint16", 0, 2**16 - 1),
    onnx.TensorProto.INT16: ("int16", -(2**15), 2**15 - 1),
    onnx.TensorProto.UINT4: ("uint4", 0, 2**4 - 1),
    onnx.TensorProto.INT4: ("int4", -(2**3), 2**3 - 1),
}
SIX = 6.0
SAME = 1e-5  # relative; a scale is a float32


@dataclass(frozen=True)
class Grid:
    """The numbers that an activation was rounded to. `kind` is the integers' type, `low` and `high` its ends."""

    scale: float
    zero: int
    kind: str
    low: int
    high: int

    @property
    def minimum(self) -> float:
        """The least number."""
        return self.scale * (self.low - self.zero)

    @property
    def maximum(self) -> float:
        """The largest number."""
        return self.scale * (self.high - self.zero)

    @property
    def starts_at_zero(self) -> bool:
        """Whether negative numbers became 0: a quantiser that sees this leaves out a ReLU before it."""
        return self.zero == self.low

    @property
    def ends_at_six(self) -> bool:
        """Whether numbers over 6 became 6 as well: the left out function was ReLU6."""
        return math.isclose(self.maximum, SIX, rel_tol=SAME)

    def agrees(self, other: Grid) -> bool:
        """Whether the integers stand for the same numbers."""
        return self.zero == other.zero and math.isclose(self.scale, other.scale, rel_tol=SAME)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "min": self.minimum,
            "max": self.maximum,
            "bits": (self.high - self.low + 1).bit_length() - 1,
            "type": self.kind,
            "scale": self.scale,
            "zero_point": self.zero,
        }
