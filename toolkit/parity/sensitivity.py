"""How much the reference's own outputs move: from one input to another, and under a change too small to matter.

The first tells whether agreement proves anything, the second whether disagreement does. An output that hardly depends
on the input agrees whatever the engine did to it; one that a millionth part of the input moves by more than the
tolerance can't be computed alike by any two engines.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

MOVES = 1e-3  # of max|reference|: below that, ten times the default tolerance, an output counts as constant
ROUNDING = 10  # a difference of so many times the noise may still be rounding; more is a fault


@dataclass(frozen=True)
class Sensitivity:
    """One output of the reference. `constant` was declared by the caller: compared, but not expected to move.

    `float64` is how far the reference in float32 is from the same model in float64; None where that was not asked.
    """

    name: str
    movement: float
    noise: float
    constant: bool = False
    float64: float | None = None

    @property
    def insensitive(self) -> bool:
        return self.movement < MOVES and not self.constant

    def explains(self, required: float, tolerance: float) -> bool:
        """Whether an output that needs `required` may differ by the reference's own rounding alone."""
        floor = max(self.noise, self.float64 or 0.0)
        return floor > tolerance and required <= ROUNDING * floor


def measure(
    outputs: Sequence[Mapping[str, np.ndarray]],
    noise: Mapping[str, float],
    constants: Sequence[str] = (),
    float64: Mapping[str, float] | None = None,
) -> tuple[Sensitivity, ...]:
    """The outputs of the reference for all samples -> how far the first sample's outputs are from the others'.

    Samples of several batch sizes are compared with those of their own size.
    """
    return tuple(
        Sensitivity(
            name,
            _movement([sample[name] for sample in outputs]),
            noise.get(name, 0.0),
            name in constants,
            (float64 or {}).get(name),
        )
        for name in outputs[0]
    )


def _movement(arrays: Sequence[np.ndarray]) -> float:
    firsts: dict[tuple[int, ...], np.ndarray] = {}
    for array in arrays:
        firsts.setdefault(array.shape, array)
    return max(moved(firsts[array.shape], array) for array in arrays)


def noise_floor(
    outputs: Sequence[Mapping[str, np.ndarray]], nudged: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, float]:
    """Outputs, and outputs for nudged inputs -> how far each moved, the worst sample counting."""
    return {
        name: max(moved(before[name], after[name]) for before, after in zip(outputs, nudged, strict=True))
        for name in outputs[0]
    }


def moved(before: np.ndarray, after: np.ndarray) -> float:
    """max|difference| over the larger of both scales: 0 for equal arrays, inf where the shapes or a NaN forbid it."""
    if before.shape != after.shape:
        return math.inf
    if before.size == 0:
        return 0.0
    a, b = before.astype(np.float64), after.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        distance, scale = float(np.abs(a - b).max()), max(float(np.abs(a).max()), float(np.abs(b).max()))
    if not math.isfinite(distance):
        return math.inf
    return distance / scale if scale else 0.0
