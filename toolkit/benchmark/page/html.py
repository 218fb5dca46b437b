"""A benchmark as plain data -> one HTML file, with the frame, the look and the plots of the parity report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.benchmark.report import busy, milliseconds
from toolkit.parity.page import html, wording

TEMPLATES = Path(__file__).parent / "templates"
MOST_LAYERS = 15  # with a bar of their own
Json = Mapping[str, Any]


def write(report: Json, path: Path) -> None:
    """Write one benchmark as a page.

    Args:
        report: what `toolkit.benchmark.report.Report.to_json()` gives.
        path: of the .html file; folders that are missing are made.

    Raises:
        ToolkitError: Jinja2 or Plotly is not installed, or the file can't be written.
    """
    targets = _named(report)
    ran = [one for one in targets if "reason" not in one]
    found = {
        "milliseconds": milliseconds, "report": report, "targets": targets, "ran": ran, "lead": lead(report, ran),
        "busy": busy(max(one["noise"] for one in ran)) if report["noisy"] else "",
    }  # fmt: skip
    title = headline(ran)
    page = html.render(TEMPLATES, "benchmark.html.j2", ("benchmark.js",), title, report, bool(ran), **found)
    html.save(page, path)


def _named(report: Json) -> list[dict[str, Any]]:
    """Targets with the name that the page gives them, and their layers as bars."""
    targets = report["targets"]
    plain = [wording.engine(one["runtime"]) for one in targets]
    files = [wording.base(one["model"]) for one in targets]
    return [
        {
            **one,
            "name": engine if plain.count(engine) == 1 else f"{engine}, {file}",
            "engine": engine,
            "file": file,
            "bars": _bars(one) if one.get("layers") else [],
        }
        for one, engine, file in zip(targets, plain, files, strict=True)
    ]


def _bars(one: Json) -> list[tuple[str, float]]:
    """The slowest layers, the rest of them as one, and what the run took beside all."""
    slowest = sorted(one["layers"].items(), key=lambda found: -found[1])
    shown, rest = slowest[:MOST_LAYERS], slowest[MOST_LAYERS:]
    if rest:
        shown.append((f"{wording.count(len(rest), 'more layer')}", sum(seconds for _, seconds in rest)))
    return [*shown, ("other: not in a layer", one["layers_other"])]


def headline(ran: list[dict[str, Any]]) -> str:
    """Who is the fastest, as one sentence."""
    if not ran:
        return "Nothing could be measured"
    first = ran[0]
    if len(ran) == 1:
        return f"{first['name']} takes {milliseconds(first['seconds']['typical'])} ms"
    fastest = min(ran, key=lambda one: one["seconds"]["typical"])
    if fastest["verdict"] == "faster":
        return f"{fastest['name']} is the fastest: {fastest['ratio']['median']:.2f} of the time of {first['name']}"
    if any(one["verdict"] in ("no difference", "too noisy to tell") for one in ran):
        return f"None is faster than {first['name']} for certain"
    return f"{first['name']} is the fastest"


def lead(report: Json, ran: list[dict[str, Any]]) -> str:
    """What was measured, in one line."""
    words = [wording.count(len(report["targets"]), "target"), wording.count(report["threads"], "thread")]
    words += [f"batch {size}" for size in sorted({one["batch"] for one in ran if one["batch"]})]
    words += [wording.count(len(ran[0]["rounds"]), "round")] if ran else []
    return f"{', '.join(words)}. Times are those of the engines alone."
