"""The numbers of a parity report -> words and figures that a person reads first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.runners.base import traits_of

Json = Mapping[str, Any]
WORDS = {
    "passed": "Passed",
    "passed in steps": "Passed in steps",
    "insensitive": "Not proven",
    "ill-conditioned": "Not proven",
    "not run": "Not run",
    "failed": "Failed",
    "error": "Error",
    "skipped": "Skipped",
}
TONES = {
    **dict.fromkeys(("passed", "passed in steps"), "good"),
    **dict.fromkeys(("failed", "error", "broken"), "bad"),
    **dict.fromkeys(("skipped", "not run"), "mute"),
}


def tone(verdict: str) -> str:
    """good, bad, mute, or warn for everything in between."""
    return TONES.get(verdict, "warn")


def worst_first(rows: Sequence[Json]) -> list[Json]:
    """Rows with a verdict, or checks with a status, what went wrong before what passed, and what did not run last."""
    order = {"bad": 0, "warn": 1, "good": 2, "mute": 3}
    return sorted(rows, key=lambda row: order[tone(row["verdict"] if "verdict" in row else row["status"])])


def order(rows: Sequence[Json]) -> list[tuple[int, str]]:
    """Where each row stands in the report and what people call its engine, in the order that the page shows."""
    places = {id(row): place for place, row in enumerate(rows)}
    return [(places[id(row)], engine(row["runtime"])) for row in worst_first(rows)]


def headline(report: Json) -> str:
    """The verdict as one sentence about the network."""
    model = base(report["reference"]["model"])
    rows = {verdict: [row for row in report["rows"] if row["verdict"] == verdict] for verdict in WORDS}
    if report["verdict"] == "passed":
        every = rows["passed"]
        return f"{engines(every)} {'computes' if len(every) == 1 else 'compute'} what {model} computes"
    if report["verdict"] == "passed in steps":
        every = [*rows["passed"], *rows["passed in steps"]]
        return f"{engines(every)} {'computes' if len(every) == 1 else 'compute'} step by step what {model} computes"
    if report["verdict"] == "insensitive":
        return "The outputs agree, but they hardly depend on the input, so agreement proves nothing"
    if report["verdict"] == "ill-conditioned":
        return "The outputs differ, but no more than rounding moves the reference itself: give a better input"
    if report["verdict"] == "not run":
        return "Nothing was compared"
    if report["verdict"] == "error":
        return f"{engines(rows['error'])} could not run the network"
    failed = rows["failed"]
    return f"{engines(failed)} {'does' if len(failed) == 1 else 'do'} not compute what {model} computes"


def lead(report: Json) -> str:
    """How near, over how much."""
    rows = [row for row in report["rows"] if row["samples"]]
    outputs = [output for row in rows for output in worst(row)]
    scope = (
        f"{count(len(rows), 'engine')}, {count(report['samples'], 'input')}, {count(len(report['outputs']), 'output')}"
    )
    if not outputs:
        return f"{scope}."
    if any(output["required_tolerance"] is None for output in outputs):
        return f"{scope}. At least one output can't be measured: see the reasons below."
    far = max(outputs, key=lambda output: output["required_tolerance"] / (output["tolerance"] or math.inf))
    need, allowed = far["required_tolerance"], far["tolerance"]
    if need == 0:
        return f"{scope}. Every number is exactly equal."
    differs = f"The worst output differs by {figure(need)} of its largest value"
    return f"{scope}. {differs}; {figure(allowed)} is allowed{_ratio(need, allowed)}."


def _ratio(need: float, allowed: float) -> str:
    if not allowed:
        return ""
    times = max(need, allowed) / min(need, allowed)
    if times < 2:
        return ""
    return f" ({times:,.0f} times {'less than' if need < allowed else 'more than'} that)"


def sentences(report: Json) -> list[tuple[str, str]]:
    """Every reason and note once, with the engines that it holds for."""
    found: dict[str, list[Json]] = {}
    for row in worst_first(report["rows"]):
        for text in (*row["reasons"], *row["notes"]):
            found.setdefault(text, []).append(row)
    return [(f"{engines(rows)}:", text) for text, rows in found.items()]


def first_faults(report: Json) -> list[tuple[Json, str, list[str]]]:
    """Where the differences begin, the engines that it holds for, and their repros; one entry a value."""
    found: dict[str, list[Json]] = {}
    for row in report["rows"]:
        if row["layers"] and row["layers"]["first_fault"]:
            found.setdefault(row["layers"]["first_fault"]["value"], []).append(row)
    return [
        (
            rows[0]["layers"]["first_fault"],
            engines(rows),
            [row["layers"]["first_fault"]["repro"] for row in rows if row["layers"]["first_fault"]["repro"]],
        )
        for rows in found.values()
    ]


def worst(row: Json) -> list[Json]:
    """Each output of an engine in the sample where it came off worst."""
    found: dict[str, Json] = {}
    for output in (output for sample in row["samples"] for output in sample):
        if output["name"] not in found or _badness(output) > _badness(found[output["name"]]):
            found[output["name"]] = output
    return list(found.values())


def _badness(output: Json) -> tuple[bool, float]:
    need = output["required_tolerance"]
    return not output["passed"], math.inf if need is None else need


def engine(name: str) -> str:
    """What people call a runtime."""
    return traits_of(name).title


def engines(rows: Sequence[Json]) -> str:
    """Name the engines of rows: "Caffe and OpenCV"."""
    names = list(dict.fromkeys(engine(row["runtime"]) for row in rows)) or ["No engine"]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def base(path: str) -> str:
    """The file of a path, whichever system wrote it; a model's name stays as it is."""
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or path


def count(number: int, noun: str) -> str:
    """A number of things, as in "2 engines"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def figure(value: float | None, digits: int = 2) -> str:
    """1.2e-06 as people write it; "none" where no number exists."""
    if value is None:
        return "–"
    mantissa, exponent, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(power)}" if exponent else mantissa


def milliseconds(values: Sequence[float] | float | None) -> str:
    """The quickest of several times."""
    if values is None or values == []:
        return "–"
    quickest = values if isinstance(values, float | int) else min(values)
    return f"{quickest * 1000:.3g} ms" if quickest < 1 else f"{quickest:.3g} s"


def percent(value: float | None) -> str:
    """A share as a percentage."""
    return "–" if value is None else f"{value:.0%}"


def shape(sizes: Sequence[int]) -> str:
    """Sizes as "1 × 3 × 224 × 224"."""
    return " × ".join(map(str, sizes)) or "scalar"


def check_headline(check: Json) -> str:
    """Sum up a run of checks: "Passed: 36 checks"."""
    total = len(check["checks"])
    tally = {
        status: sum(one["status"] == status for one in check["checks"]) for status in ("failed", "error", "skipped")
    }
    wrong = tally["failed"] + tally["error"]
    if wrong:
        return f"Failed: {wrong} of {count(total, 'check')}"
    skipped = f", {tally['skipped']} skipped" if tally["skipped"] else ""
    word = WORDS.get(check["verdict"], check["verdict"])
    return f"{word}: {count(total - tally['skipped'], 'check')}{skipped}"


FILTERS = {
    "base": base, "engine": engine, "figure": figure, "milliseconds": milliseconds, "percent": percent,
    "shape": shape, "tone": tone,
}  # fmt: skip
