"""Arrays of a reference and of another engine -> how far they are apart, and whether that is near enough.

The rule: an output passes where max|difference| <= tolerance * max|reference|. It is relative to the tensor's scale and
not to each element, as an element near zero is the difference of large ones and carries their rounding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from toolkit.parity import names as naming

TOLERANCE = 1e-4
Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class OutputComparison:
    """One output of both sides. `required` is the smallest tolerance that it would have passed with (inf: none)."""

    name: str
    other_name: str
    shape: tuple[int, ...]
    tolerance: float
    required: float = math.inf
    max_abs: float = math.inf
    mean_abs: float = math.inf
    scale: float = math.nan  # max|reference|
    cosine: float = math.nan
    exact: bool = False  # integers: they are indices or classes, and must be equal
    top1: float | None = None  # share of rows with the same best class; None where it isn't a class score
    top5: float | None = None
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it needs no more tolerance than is allowed."""
        return not self.problems and self.required <= self.tolerance

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it fails, as sentences."""
        where = f"output '{self.name}'"
        if self.problems or self.passed:
            return self.problems
        if self.exact:
            return (f"{where}: the integers differ by up to {self.max_abs:.3g}, and must be equal",)
        if self.scale == 0:
            return (f"{where}: the reference is all zeros, the other reaches {self.max_abs:.3g}",)
        return (
            f"{where}: differs by {self.required:.3g} of the reference's largest value ({self.max_abs:.3g} of "
            f"{self.scale:.3g}); {self.tolerance:g} is allowed",
        )


@dataclass(frozen=True)
class Comparison:
    """All outputs for one sample. `problems` is what is wrong with the set: missing, extra or no outputs."""

    outputs: tuple[OutputComparison, ...]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether something was compared, nothing is missing or extra, and every output passes."""
        return bool(self.outputs) and not self.problems and all(output.passed for output in self.outputs)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def reasons(self) -> tuple[str, ...]:
        """Everything that keeps it from passing, one sentence each."""
        return (*self.problems, *(reason for output in self.outputs for reason in output.reasons))

    @property
    def required(self) -> float:
        """The tolerance that all outputs would have passed with; inf where none would do."""
        if not self.outputs or any(output.problems for output in self.outputs):
            return math.inf
        return max(output.required for output in self.outputs)


def compare(
    reference: Arrays,
    other: Arrays,
    tolerance: float = TOLERANCE,
    tolerances: Mapping[str, float] | None = None,
    names: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare every output of `reference` with its partner in `other`; nothing compared is a failure, not a pass.

    Args:
        reference: the right arrays by name.
        other: what is compared with them: the same names, or those that `names` gives, and the same shapes.
        tolerance: of the largest value of an output of the reference, from 0 to below 1.
        tolerances: other ones for some outputs, by the reference's names.
        names: the reference's names -> those in `other`, where they differ.

    Raises:
        ValueError: a tolerance is not within [0, 1).
    """
    own = dict(tolerances or {})
    for value in (tolerance, *own.values()):
        if not 0 <= value < 1:
            raise ValueError(f"tolerance {value} is not within [0, 1): with 1 an output of zeros would pass")
    if not reference:
        return Comparison((), ("nothing was compared: the reference has no outputs",))
    pairs, problems = naming.match(tuple(reference), tuple(other), names)
    problems += [f"a tolerance is given for '{name}', which is not an output" for name in own if name not in reference]
    outputs = tuple(
        compare_output(ours, theirs, reference[ours], other[theirs], own.get(ours, tolerance))
        for ours, theirs in pairs.items()
    )
    return Comparison(outputs, tuple(problems))


def compare_output(
    name: str, other_name: str, reference: np.ndarray, other: np.ndarray, tolerance: float
) -> OutputComparison:
    """One pair of arrays -> its metrics, in float64."""
    problems = _unfit(name, reference, other)
    if problems:
        return OutputComparison(name, other_name, reference.shape, tolerance, problems=tuple(problems))
    ours, theirs = reference.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    with np.errstate(over="ignore"):  # two float64 of 1e308 may be further apart than float64 reaches: inf, a failure
        difference = np.abs(ours - theirs)
    max_abs, scale = float(difference.max()), float(np.abs(ours).max())
    exact = reference.dtype.kind in "iub"  # off by one of 20,000 classes is within 1e-4, and wrong
    top1, top5 = _agreement(reference, other)
    return OutputComparison(
        name,
        other_name,
        reference.shape,
        tolerance,
        required=_exactly(reference, other) if exact else _relative(max_abs, scale),
        max_abs=max_abs,
        mean_abs=float(difference.mean()),
        scale=scale,
        cosine=_cosine(ours, theirs),
        exact=exact,
        top1=top1,
        top5=top5,
    )


def without_added_axes(reference: np.ndarray, other: np.ndarray, fewest: int) -> np.ndarray:
    """`other` in the reference's shape where its engine only added axes of size 1 behind it, to have `fewest` axes."""
    added = (1,) * (fewest - reference.ndim)
    return other.reshape(reference.shape) if reference.ndim and other.shape == (*reference.shape, *added) else other


def _unfit(name: str, reference: np.ndarray, other: np.ndarray) -> list[str]:
    """What makes numbers pointless: other shapes, nothing in it, no numbers, NaN or infinity."""
    if reference.shape != other.shape:
        return [f"output '{name}': the shape is {other.shape}, the reference has {reference.shape}"]
    if reference.size == 0:
        return [f"output '{name}': shape {reference.shape} holds no number, so nothing was compared"]
    sides = {"the reference": reference, "the other": other}
    found = {side: _not_numbers(array) or _not_finite(array) for side, array in sides.items()}
    return [f"output '{name}': {side} holds {what}" for side, what in found.items() if what]


def _not_numbers(array: np.ndarray) -> str:
    return "" if array.dtype.kind in "fiub" else f"{array.dtype}, not real numbers"


def _not_finite(array: np.ndarray) -> str:
    """Count what is no number: "2 NaN and 1 infinite of 9 values", or "" where all are finite."""
    counts = {"NaN": int(np.isnan(array).sum()), "infinite": int(np.isinf(array).sum())}
    parts = [f"{count} {what}" for what, count in counts.items() if count]
    return " and ".join(parts) + f" of {array.size} values" if parts else ""


def _relative(max_abs: float, scale: float) -> float:
    if max_abs == 0:
        return 0.0
    return max_abs / scale if scale else math.inf


def _exactly(reference: np.ndarray, other: np.ndarray) -> float:
    return 0.0 if np.array_equal(reference, other) else math.inf


def _cosine(ours: np.ndarray, theirs: np.ndarray) -> float:
    """1 for the same direction, two zero vectors included; 0 where one alone is zero."""
    largest, other_largest = float(np.abs(ours).max()), float(np.abs(theirs).max())
    if not largest or not other_largest:
        return 1.0 if largest == other_largest else 0.0
    a, b = ours / largest, theirs / other_largest  # scaled: squares of 1e200 would overflow
    return float(np.clip(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)), -1, 1))


def _agreement(reference: np.ndarray, other: np.ndarray) -> tuple[float | None, float | None]:
    """Top-1 and top-5 agreement of [N, C] or [N, C, 1, ...]; told, but never a reason to pass: ties make it noisy."""
    if reference.ndim < 2 or reference.shape[1] < 2 or math.prod(reference.shape[2:]) != 1:
        return None, None
    ours: np.ndarray = reference.reshape(reference.shape[:2])
    theirs: np.ndarray = other.reshape(other.shape[:2])
    top1 = float(np.mean(ours.argmax(1) == theirs.argmax(1)))
    if ours.shape[1] <= 5:
        return top1, None
    best = [np.argpartition(scores, -5, axis=1)[:, -5:] for scores in (ours, theirs)]
    return top1, float(np.mean([len({*a} & {*b}) / 5 for a, b in zip(*best, strict=True)]))
