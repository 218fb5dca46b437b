"""Models -> jobs: first the exports, then one for every model, dialect and style, each with the engines to compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Any

import converters.dialects as dialects
from toolkit.check.config import Model


@dataclass(frozen=True)
class Job:
    """What one worker does in one go. A job without a dialect exports a model, and compares it with PyTorch if asked.

    `runtimes` are the engines to compare, and so the checks that it must answer for.
    """

    number: int
    model: int
    dialect: str = ""
    style: str = ""
    runtimes: tuple[str, ...] = ()


def jobs_of(models: Sequence[Model], only: Sequence[str] = ()) -> tuple[Job, ...]:
    """All jobs, those that others wait for first. `only` are patterns of which the name of a check must match one."""
    compared: list[tuple[int, str, str, tuple[str, ...]]] = []
    exported: list[tuple[int, str, str, tuple[str, ...]]] = []
    for number, model in enumerate(models):
        itself = ("torch",) if "torch" in model.runtimes and not model.is_onnx else ()
        own = _chosen(model, "", "", itself, only)
        wanted = [
            (number, dialect, style, runtimes)
            for dialect in model.dialects
            for style in model.styles
            if (runtimes := _chosen(model, dialect, style, engines_of(model, dialect), only))
        ]
        compared += wanted
        if not model.is_onnx and (own or wanted):
            exported.append((number, "", "", own))
    return tuple(Job(number, *parts) for number, parts in enumerate([*exported, *compared]))


def engines_of(model: Model, dialect: str) -> tuple[str, ...]:
    """The engines that speak the dialect, of those that the model names if it names any."""
    speak = dialects.find(dialect).engines
    return tuple(name for name in speak if name in model.runtimes) if model.runtimes else speak


def check_name(model: Model, dialect: str, style: str, runtime: str) -> str:
    """What a check is called in tables and reports, and by those who choose some."""
    return " / ".join(filter(None, (model.name, dialect, style, runtime)))


def result(model: Model, job: Job, runtime: str, status: str, message: str) -> dict[str, Any]:
    """A check's result as plain data: passed, failed, error (it could not be done) or skipped."""
    return {
        "name": check_name(model, job.dialect, job.style, runtime),
        "model": model.name,
        "dialect": job.dialect,
        "style": job.style,
        "runtime": runtime,
        "status": status,
        "seconds": 0.0,
        "message": message,
        "required_tolerance": None,
        "report": None,
    }


def _chosen(model: Model, dialect: str, style: str, runtimes: Sequence[str], only: Sequence[str]) -> tuple[str, ...]:
    names = {runtime: check_name(model, dialect, style, runtime) for runtime in runtimes}
    return tuple(r for r, name in names.items() if not only or any(fnmatch(name, f"*{part}*") for part in only))
