"""What every script here shares: measuring Caffe files side by side, and a table of ratios with targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit import runners
from toolkit.benchmark.measure import Contestant, Plan, benchmark
from toolkit.benchmark.spread import Ratio
from toolkit.cli.output import print_table
from toolkit.runners.base import Target


@dataclass(frozen=True)
class Row:
    """One comparison: seconds of the yardstick, the ratio of ours to it, and what it must not exceed, if anything."""

    name: str
    engine: str
    yardstick: float
    ratio: Ratio
    target: float | None
    noise: float

    @property
    def met(self) -> bool:
        """Whether the target is met; the median decides."""
        return self.target is None or self.ratio.middle <= self.target


def caffe_files(prefix: Path, engine: str, name: str) -> Contestant:
    """PREFIX.prototxt with its weights in an engine."""
    return Contestant(name, engine, Target(f"{prefix}.prototxt", Path(f"{prefix}.caffemodel")))


def compare(
    name: str, yardstick: Contestant, ours: Sequence[Contestant], targets: Sequence[float | None], plan: Plan
) -> list[Row]:
    """Race everybody together; RuntimeError where one does not run."""
    report = benchmark([yardstick, *ours], runners.load, plan)
    for one in report.times:
        if one.reason:
            raise RuntimeError(f"{one.label} in {one.runtime}: {one.reason}")
    first, *others = report.times
    rows = []
    for one, target in zip(others, targets, strict=True):
        found = report.ratio(one)
        assert found is not None
        noise = max(one.noise, first.noise)
        rows.append(Row(f"{name} {one.label}".strip(), one.runtime, min(first.fastest), found, target, noise))
    return rows


def show(title: str, yardstick: str, rows: Sequence[Row]) -> None:
    """The table, and how many targets are met."""
    cells = [
        [
            row.engine,
            row.name,
            f"{1000 * row.yardstick:.2f}",
            f"{row.ratio.middle:.3f} ({row.ratio.low:.3f}-{row.ratio.high:.3f})",
            *(("", "") if row.target is None else (f"{row.target:.2f}", "met" if row.met else "MISSED")),
            f"{row.noise:.0%}",
        ]
        for row in rows
    ]
    print_table(("engine", "network", f"{yardstick} ms", "ratio (95 %)", "at most", "", "noise"), cells, title)
    judged = [row for row in rows if row.target is not None]
    print(f"{sum(row.met for row in judged)} of {len(judged)} targets met")


def present(wanted: Sequence[str]) -> list[str]:
    """The engines that can run here; what is missing is said."""
    missing: Mapping[str, str] = runners.available()
    for name in wanted:
        if missing[name]:
            print(f"{name} is left out: {missing[name]}")
    return [name for name in wanted if not missing[name]]
