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

from toolkit.parity.compare import OutputComparison

MOVES = 1e-3  # of max|reference|: below that, ten times the default tolerance, an output counts as constant
ROUNDING = 10  # a difference of so many times the noise may still be rounding; more is a fault
BOTH = 3  # times its own error: what another engine with an error like it may be away, however small that is


@dataclass(frozen=True)
class Sensitivity:
    """One output of the reference. `constant` was declared by the caller: compared, but not expected to move.

    `own` is how far the reference in float32 is from the same model in float64, for each sample, in the output's units;
    empty where that was not asked. `float64` is the worst of it, of the largest value. `shaken` is the noise of each
    sample, `noise` the worst of it.
    """

    name: str
    movement: float
    noise: float
    constant: bool = False
    float64: float | None = None
    own: tuple[float, ...] = ()
    shaken: tuple[float, ...] = ()

    @property
    def insensitive(self) -> bool:
        """Whether it hardly depends on the input, although nobody declared it constant."""
        return self.movement < MOVES and not self.constant

    def explains(self, difference: OutputComparison, sample: int) -> bool:
        """Whether the reference's own rounding may account for a difference.

        It does where it is as large as that in this sample. As an error is one draw of many, so it may where what the
        worst sample shows, and what a nudge of the input shows, are as large together.
        """
        # A sample that is no more than noise, a constant image say, excuses nothing in the others.
        noise = min(self.noise, BOTH * self.shaken[sample]) if sample < len(self.shaken) else self.noise
        if noise > difference.tolerance and difference.required <= ROUNDING * noise:
            return True
        if sample >= len(self.own):
            return False
        if self.float64 is not None and difference.required <= BOTH * (noise + self.float64):
            return True
        own = self.own[sample]
        share = ROUNDING if own > difference.tolerance * difference.scale else BOTH
        return difference.max_abs <= share * own


def measure(
    outputs: Sequence[Mapping[str, np.ndarray]],
    noise: Mapping[str, float],
    constants: Sequence[str] = (),
    exact: Sequence[Mapping[str, np.ndarray]] = (),
    shaken: Mapping[str, Sequence[float]] | None = None,
) -> tuple[Sensitivity, ...]:
    """The outputs of the reference for all samples -> how far the first sample's outputs are from the others'.

    Samples of several batch sizes are compared with those of their own size. `exact`: the same outputs in float64.
    """
    return tuple(
        Sensitivity(
            name,
            _movement([sample[name] for sample in outputs]),
            noise.get(name, 0.0),
            name in constants,
            *_own_error([sample[name] for sample in outputs], [sample[name] for sample in exact]),
            tuple((shaken or {}).get(name, ())),
        )
        for name in outputs[0]
    )


def _own_error(ours: Sequence[np.ndarray], exact: Sequence[np.ndarray]) -> tuple[float | None, tuple[float, ...]]:
    """The worst error of its output's largest value, and each sample's largest error."""
    if not exact:
        return None, ()
    pairs = list(zip(ours, exact, strict=True))
    return max(moved(a, b) for a, b in pairs), tuple(_distance(a, b) for a, b in pairs)


def _movement(arrays: Sequence[np.ndarray]) -> float:
    firsts: dict[tuple[int, ...], np.ndarray] = {}
    for array in arrays:
        firsts.setdefault(array.shape, array)
    return max(moved(firsts[array.shape], array) for array in arrays)


def noise_of_samples(
    outputs: Sequence[Mapping[str, np.ndarray]], nudged: Sequence[Mapping[str, np.ndarray]]
) -> dict[str, tuple[float, ...]]:
    """Outputs, and outputs for nudged inputs -> how far each moved, sample by sample."""
    return {
        name: tuple(moved_by(before[name], after[name]) for before, after in zip(outputs, nudged, strict=True))
        for name in outputs[0]
    }


def moved_by(before: np.ndarray, after: np.ndarray) -> float:
    """max|difference| over the largest value before, as an engine's differences are told; `moved` where that is 0."""
    scale = float(np.abs(before.astype(np.float64)).max(initial=0))
    return _distance(before, after) / scale if 0 < scale < math.inf else moved(before, after)


def moved(before: np.ndarray, after: np.ndarray) -> float:
    """max|difference| over the larger of both scales: 0 for equal arrays, inf where the shapes or a NaN forbid it."""
    distance = _distance(before, after)
    if before.size == 0 or not math.isfinite(distance):
        return distance
    scale = max(float(np.abs(array.astype(np.float64)).max()) for array in (before, after))
    return distance / scale if scale else 0.0


def _distance(before: np.ndarray, after: np.ndarray) -> float:
    """max|difference|; inf where the shapes or a NaN forbid it."""
    if before.shape != after.shape:
        return math.inf
    if before.size == 0:
        return 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        distance = float(np.abs(before.astype(np.float64) - after.astype(np.float64)).max())
    return distance if math.isfinite(distance) else math.inf
