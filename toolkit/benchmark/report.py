"""What was measured, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from toolkit.benchmark.spread import NOISY, Ratio, noise, percentile, ratio
from toolkit.parity import environment


@dataclass(frozen=True)
class Times:
    """One contestant's seconds, round by round, and what else is known of it.

    `reason` says why it did not run. `settled` is False where the warm-up ended before it had stopped to get faster.
    `layers` are the seconds of each layer in one run that took `profiled` as a whole; `silent` says why there are none.
    """

    label: str
    runtime: str
    version: str = ""
    rounds: tuple[tuple[float, ...], ...] = ()
    batch: int | None = None
    warmup: int = 0
    settled: bool = True
    memory: int | None = None
    layers: Mapping[str, float] = field(default_factory=dict)
    profiled: float = 0.0
    silent: str = ""
    reason: str = ""
    optional: bool = False

    @property
    def seconds(self) -> list[float]:
        """All runs together."""
        return [seconds for found in self.rounds for seconds in found]

    @property
    def fastest(self) -> list[float]:
        """The fastest run of each round."""
        return [min(found) for found in self.rounds]

    @property
    def noise(self) -> float:
        """How far the rounds lie apart."""
        return noise(self.fastest)

    @property
    def typical(self) -> float:
        """The median of the rounds' fastest runs: what a ratio compares."""
        return median(self.fastest)

    @property
    def throughput(self) -> float | None:
        """Items of the batch in a second of typical runs; None where the inputs have no common first axis."""
        return self.batch / self.typical if self.batch else None

    @property
    def other(self) -> float:
        """What the profiled run took beside its layers, in seconds."""
        return self.profiled - sum(self.layers.values())

    def to_json(self) -> dict[str, Any]:
        """As plain data; of one that did not run, the reason alone."""
        found: dict[str, Any] = {"model": self.label, "runtime": self.runtime}
        if self.reason:
            return {**found, "reason": self.reason}
        percentiles = {f"p{percent}": percentile(self.seconds, percent) for percent in (50, 90, 95, 99)}
        return {
            **found,
            "version": self.version,
            "runs": len(self.seconds),
            "warmup_runs": self.warmup,
            "settled": self.settled,
            "seconds": {
                "typical": self.typical,
                "min": min(self.seconds),
                **percentiles,
                "max": max(self.seconds),
            },
            "batch": self.batch,
            "throughput": self.throughput,
            "peak_memory_bytes": self.memory,
            "noise": self.noise,
            "rounds": [list(found) for found in self.rounds],
            "layers": dict(self.layers),
            "layers_other": self.other if self.layers else None,
            "layers_whole": self.profiled if self.layers else None,
            "layers_missing": self.silent,
        }


@dataclass(frozen=True)
class Report:
    """All contestants; the first that ran is what the others are compared with."""

    times: tuple[Times, ...]
    threads: int

    @property
    def ran(self) -> list[Times]:
        """Those that could be measured."""
        return [one for one in self.times if not one.reason]

    def ratio(self, one: Times) -> Ratio | None:
        """How long it takes as a part of the first one's time; None for the first itself and what did not run."""
        if one.reason or one is self.ran[0]:
            return None
        return ratio(one.fastest, self.ran[0].fastest)

    @property
    def too_noisy(self) -> list[Times]:
        """Contestants whose rounds differ so much that the machine was busy with something else."""
        return [one for one in self.ran if one.noise > NOISY]

    def verdict(self, one: Times) -> str:
        """What its ratio says, in a word or two."""
        found = self.ratio(one)
        if one.reason:
            return "not run"
        if found is None:
            return "reference"
        if found.differs:
            return "faster" if found.middle < 1 else "slower"
        busy = any(other is noisy for other in (one, self.ran[0]) for noisy in self.too_noisy)
        return "too noisy to tell" if busy else "no difference"

    def to_json(self) -> dict[str, Any]:
        """As plain data, with the machine and the command."""
        rows = []
        for one in self.times:
            found = self.ratio(one)
            rows.append({**one.to_json(), "ratio": found.to_json() if found else None, "verdict": self.verdict(one)})
        noisy = bool(self.too_noisy)
        return {"threads": self.threads, "noisy": noisy, "environment": environment.describe(), "targets": rows}


def busy(worst: float) -> str:
    """What a person should know and do where rounds lie so far apart."""
    return (
        f"the machine is busy: half of the rounds lie {worst:.0%} apart. Ratios still hold within their intervals, "
        "times do not; stop other programs, or measure more rounds"
    )


def milliseconds(seconds: float) -> str:
    """Four digits that count, so that a ratio can be told from two of them."""
    return f"{1000 * seconds:#.4g}".rstrip(".")
