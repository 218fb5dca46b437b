"""What a parity check found: one row for each engine, a verdict, and the reasons as sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from toolkit.parity import environment
from toolkit.parity.compare import Comparison, OutputComparison
from toolkit.parity.cost import Cost
from toolkit.parity.layer_report import LayerReport, finite
from toolkit.parity.run import Run
from toolkit.parity.sensitivity import MOVES, Sensitivity

FORMAT = 2  # of the JSON


class Verdict(Enum):
    """PASSED and IN_STEPS are passes. In the order of weight: a report's verdict is the heaviest of its rows'."""

    PASSED = "passed"
    IN_STEPS = "passed in steps"  # nothing as a whole, but each part agrees on the reference's own values
    INSENSITIVE = "insensitive"  # agrees, but an output hardly depends on the input: proves nothing
    ILL_CONDITIONED = "ill-conditioned"  # differs, but the reference's own rounding is as large: needs a better input
    NOT_RUN = "not run"
    FAILED = "failed"
    ERROR = "error"  # the engine refused the model or crashed

    @property
    def proven(self) -> bool:
        """Whether it is a pass."""
        return self in (Verdict.PASSED, Verdict.IN_STEPS)


WEIGHT = {verdict: weight for weight, verdict in enumerate(Verdict)}


@dataclass(frozen=True)
class Row:
    """One engine against the reference. An optional one that is not installed does not count."""

    runtime: str
    model: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    run: Run | None = None
    optional: bool = False
    layers: LayerReport | None = None

    @property
    def counts(self) -> bool:
        """Whether it bears on the report's verdict."""
        return not (self.optional and self.verdict is Verdict.NOT_RUN)


@dataclass(frozen=True)
class Report:
    """All rows. `verdict` is NOT_RUN, and no pass, where nothing was compared.

    `cost`: what the precision of the reference's own file costs, where that is not float32.
    """

    reference: Run
    rows: tuple[Row, ...]
    sensitivity: tuple[Sensitivity, ...]
    tolerance: float
    tolerances: Mapping[str, float] = field(default_factory=dict)
    cost: Cost | None = None

    @property
    def verdict(self) -> Verdict:
        """The heaviest verdict of the rows that count; NOT_RUN is among them for a model that no engine ran."""
        counted = [row.verdict for row in self.rows if row.counts]
        if {row.model for row in self.rows} > {row.model for row in self.rows if row.counts}:
            counted.append(Verdict.NOT_RUN)
        return max(counted, key=WEIGHT.__getitem__, default=Verdict.NOT_RUN)

    @property
    def passed(self) -> bool:
        """Whether every row that counts passed, and there is one."""
        return self.verdict.proven

    def to_json(self) -> dict[str, Any]:
        """Plain data. Numbers that JSON has no word for (NaN, infinity) become None."""
        inside = next((row.layers for row in self.rows if row.layers), None)
        return {
            "format": FORMAT,
            "verdict": self.verdict.value,
            "tolerance": self.tolerance,
            "tolerances": dict(self.tolerances),
            "samples": len(self.reference.inputs),
            "environment": environment.describe(),
            "reference": _engine(self.reference),
            "cost": self.cost and self.cost.to_json(),
            "inputs": [_input(name, array) for name, array in self.reference.inputs[0].items()],
            "outputs": [
                {
                    "name": one.name,
                    "movement": finite(one.movement),
                    "noise": finite(one.noise),
                    "float64": None if one.float64 is None else finite(one.float64),
                    "insensitive": one.insensitive,
                    "declared_constant": one.constant,
                }
                for one in self.sensitivity
            ],
            "rows": [_row(row) for row in self.rows],
            "graph": inside and inside.graph,
            "conversion": inside and inside.record,
        }


def judge(
    comparisons: Sequence[Comparison], sensitivity: Sequence[Sensitivity]
) -> tuple[Verdict, tuple[str, ...], tuple[str, ...]]:
    """Comparisons for all samples -> the verdict, the reasons against a pass, and notes.

    All outputs must agree *and* move: a network with one dead output among live ones is not proven. An output that is
    rightly constant (prior boxes) has to be declared so.
    """
    known = {one.name: one for one in sensitivity}
    notes = tuple(_ill(one) for one in sensitivity if any(_noisy(one, comparison) for comparison in comparisons))
    failures = [
        (output, sample)
        for sample, comparison in enumerate(comparisons)
        for output in comparison.outputs
        if not output.passed
    ]
    if not comparisons or not all(comparisons):
        explained = failures and all(
            not output.problems and known[output.name].explains(output, sample) for output, sample in failures
        )
        structural = not comparisons or any(comparison.problems for comparison in comparisons)
        verdict = Verdict.ILL_CONDITIONED if explained and not structural else Verdict.FAILED
        return verdict, _numbered(comparisons) or ("nothing was compared",), notes
    dead = tuple(
        f"output '{one.name}' hardly depends on the input: another input moves it by {one.movement:.2g} of its largest "
        f"value, less than {MOVES:g}, so agreement proves nothing"
        for one in sensitivity
        if one.insensitive
    )
    return (Verdict.INSENSITIVE if dead else Verdict.PASSED), dead, notes


def worst(comparisons: Sequence[Comparison]) -> tuple[OutputComparison, ...]:
    """For each output the sample in which it came off worst, in the order of the outputs."""
    return worst_of(output for comparison in comparisons for output in comparison.outputs)


def worst_of(outputs: Iterable[OutputComparison]) -> tuple[OutputComparison, ...]:
    """The same for comparisons of single outputs."""
    found: dict[str, OutputComparison] = {}
    for output in outputs:
        if output.name not in found or _badness(output) > _badness(found[output.name]):
            found[output.name] = output
    return tuple(found.values())


def _badness(output: OutputComparison) -> tuple[bool, bool, float]:
    return not output.passed, bool(output.problems), output.required


def _noisy(one: Sensitivity, comparison: Comparison) -> bool:
    return any(output.name == one.name and one.noise > output.tolerance for output in comparison.outputs)


def _ill(one: Sensitivity) -> str:
    return (
        f"output '{one.name}' is ill-conditioned here: a change of the input by 1e-6 moves the reference itself by "
        f"{one.noise:.2g} of its largest value; give an input on which the network answers something"
    )


def _numbered(comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """Each reason once, with the samples that it holds for where it does not hold for all."""
    found: dict[str, list[int]] = {}
    for index, comparison in enumerate(comparisons):
        for reason in comparison.reasons:
            found.setdefault(reason, []).append(index)
    return tuple(
        reason if len(samples) == len(comparisons) else f"sample {', '.join(map(str, samples))}: {reason}"
        for reason, samples in found.items()
    )


def _row(row: Row) -> dict[str, Any]:
    return {
        "runtime": row.runtime,
        "model": row.model,
        "version": row.run.version if row.run else None,
        "verdict": row.verdict.value,
        "optional": row.optional,
        "reasons": list(row.reasons),
        "notes": list(row.notes),
        "seconds": list(row.run.seconds) if row.run else [],
        "required_tolerance": finite(max((found.required for found in row.comparisons), default=math.inf)),
        "samples": [[_output(output) for output in comparison.outputs] for comparison in row.comparisons],
        "layers": row.layers and row.layers.to_json(),
    }


def _input(name: str, array: np.ndarray) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(array.shape),
        "minimum": float(array.min()) if array.size else None,
        "maximum": float(array.max()) if array.size else None,
    }


def _engine(run: Run) -> dict[str, Any]:
    return {"runtime": run.runtime, "version": run.version, "model": run.model, "seconds": list(run.seconds)}


def _output(output: OutputComparison) -> dict[str, Any]:
    return {
        "name": output.name,
        "other_name": output.other_name,
        "shape": list(output.shape),
        "passed": output.passed,
        "tolerance": output.tolerance,
        "required_tolerance": finite(output.required),
        "max_abs": finite(output.max_abs),
        "mean_abs": finite(output.mean_abs),
        "max_reference": finite(output.scale),
        "cosine": finite(output.cosine),
        "top1": output.top1,
        "top5": output.top5,
    }
