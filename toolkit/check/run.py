"""parity.toml -> a report on every check in it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from converters.errors import ToolkitError
from toolkit.check import config, plan, pool
from toolkit.check.config import Model
from toolkit.check.plan import Job, check_name
from toolkit.limits import cores
from toolkit.parity import environment
from toolkit.parity.page.junit import TestCase

FORMAT = 1
TIMEOUT = 900.0  # seconds for one job; a model can be made to keep a process busy for ever
Result = dict[str, Any]
GOOD = ("passed", "skipped")


@dataclass(frozen=True)
class Checked:
    """All results, in the order of the file."""

    results: tuple[Result, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether something was checked and nothing failed. What is not installed, and nobody asked for, is skipped."""
        statuses = [result["status"] for result in self.results]
        return "passed" in statuses and all(status in GOOD for status in statuses)

    def count(self, status: str) -> int:
        """How many checks ended so."""
        return sum(result["status"] == status for result in self.results)

    def to_json(self) -> dict[str, Any]:
        """Plain data; `toolkit.parity.page.html.write_check` makes a page of it."""
        return {
            "format": FORMAT,
            "verdict": "passed" if self.passed else "failed",
            "seconds": round(self.seconds, 3),
            "environment": environment.describe(),
            "checks": list(self.results),
        }

    def test_cases(self) -> list[TestCase]:
        """For JUnit: one for each check."""
        return [
            TestCase(
                result["model"],
                " / ".join(filter(None, (result["dialect"], result["style"], result["runtime"]))),
                result["status"],
                result["seconds"],
                result["message"],
            )
            for result in self.results
        ]


def run(
    file: Path,
    *,
    only: Sequence[str] = (),
    workers: int = 0,
    timeout: float = TIMEOUT,
    repro: Path | None = None,
    on_result: Callable[[Result, int], None] = lambda result, total: None,
) -> Checked:
    """Run the checks of a file whose names match `only`, in parallel; `on_result` hears of each, and of their number.

    Parts of networks that are at fault are cut out into folders below `repro`.
    """
    began = time.perf_counter()
    models = config.load(file)
    jobs = plan.jobs_of(models, only)
    total = sum(len(job.runtimes) for job in jobs)
    if not total:
        raise ToolkitError(f"{file}: no check is left: {_why_none(only)}")
    found: dict[str, Result] = {}

    def hear(results: Sequence[Result]) -> None:
        for result in results:
            found[result["name"]] = result
            on_result(result, total)

    with tempfile.TemporaryDirectory(prefix="check-") as work:
        command = pool.python("toolkit.check.worker", str(file), work, str(repro.absolute() if repro else ""), *only)
        broken: dict[int, str] = {}

        def done(job: Job, answer: pool.Answer) -> None:
            if answer["error"] and not job.dialect:
                broken[job.model] = answer["error"]
            hear(answer["results"] or failed(job, models[job.model], answer["error"]))

        exports = [job for job in jobs if not job.dialect]
        pool.run(command, exports, workers or cores(), timeout, done)
        for job in jobs:
            if job.dialect and job.model in broken:
                hear(failed(job, models[job.model], f"the model can't be exported: {broken[job.model]}"))
        compares = [job for job in jobs if job.dialect and job.model not in broken]
        pool.run(command, compares, workers or cores(), timeout, done)
    names = [
        check_name(models[job.model], job.dialect, job.style, runtime)
        for job in sorted(jobs, key=lambda job: (job.model, job.number))
        for runtime in job.runtimes
    ]
    return Checked(tuple(found[name] for name in names), time.perf_counter() - began)


def failed(job: Job, model: Model, message: str) -> list[Result]:
    """The results of a job that could not be done."""
    return [plan.result(model, job, runtime, "error", message) for runtime in job.runtimes]


def _why_none(only: Sequence[str]) -> str:
    if only:
        return f"none has {' or '.join(only)} in its name"
    return "no engine that a model names speaks one of its dialects"
