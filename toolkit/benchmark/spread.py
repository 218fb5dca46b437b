"""Times -> what they say, and whether they say anything: medians, quartiles, ratios with their uncertainty.

What disturbs a run only ever adds time. So a round counts by its fastest run, and two models are compared round by
round, within which the machine was the same for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, sqrt
from statistics import median

NOISY = 0.10  # of the median: quartiles of the rounds' fastest runs that lie further apart say that others were busy
Z = 1.96  # of the normal distribution, for 95 %


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that so many percent do not exceed; one that was measured, not one between two."""
    ordered = sorted(values)
    return ordered[max(0, ceil(len(ordered) * percent / 100) - 1)]


def noise(fastest: Sequence[float]) -> float:
    """How far the middle half of the rounds lies apart, as a part of the median."""
    return (percentile(fastest, 75) - percentile(fastest, 25)) / median(fastest)


@dataclass(frozen=True)
class Ratio:
    """The ratio of two median times, and the interval that holds the true one with 95 % certainty.

    The interval assumes no distribution. It always holds `middle`.
    """

    middle: float
    low: float
    high: float

    @property
    def differs(self) -> bool:
        """Whether one of the two is faster for certain."""
        return self.low > 1 or self.high < 1

    def to_json(self) -> dict[str, float | bool]:
        """As plain data."""
        return {"median": self.middle, "low": self.low, "high": self.high, "differs": self.differs}


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Compare the fastest runs of each round. The interval is that of the sign test: it needs six rounds to be 95 %."""
    found = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    count = len(found)
    reach = Z * sqrt(count) / 2
    low, high = max(0, floor(count / 2 - reach)), min(count - 1, ceil(count / 2 + reach) - 1)
    middle = median(ours) / median(theirs)  # as the times that are shown: the median of ratios may be another
    return Ratio(middle, min(middle, found[low]), max(middle, found[high]))
