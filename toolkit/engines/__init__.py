"""The engines that can run models: which are here, in which version, how to get the others, and building some."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from toolkit.engines import caffe, environments
from toolkit.engines.commands import BuildError, Say
from toolkit.runners import RUNTIMES
from toolkit.runners.environment import ENVIRONMENTS

BUILDS: dict[str, Callable[[Say, Path | None, int | None], Path]] = {
    "caffe": caffe.build,
    **{name: partial(environments.build, environment) for name, environment in ENVIRONMENTS.items()},
}


@dataclass(frozen=True)
class Engine:
    """One engine. `missing` is '' where it can run, else why not; `get` is the command that gets it."""

    name: str
    version: str
    reads: tuple[str, ...]
    missing: str
    get: str


def listing() -> tuple[Engine, ...]:
    """Every engine that a runner is registered for. Nothing is loaded to find out."""
    found = []
    for name, runtime in RUNTIMES.items():
        missing = runtime.missing()
        version = "" if missing else runtime.version()
        found.append(Engine(name, version, runtime.reads, missing, runtime.get))
    return tuple(found)


def build(name: str, say: Say, source: Path | None = None, jobs: int | None = None) -> Path:
    """Build an engine, or fetch it into an environment of its own, unless it is there; return its folder.

    `say` hears of each step, `source` is the source archive if it is at hand, `jobs` how many compilers run at a time.
    BuildError says what is missing, or how to get an engine that is not built here.
    """
    if name not in BUILDS:
        known = RUNTIMES.get(name)
        raise BuildError(
            f"{name} is not built here: {known.get}"
            if known
            else f"unknown engine '{name}'; known: {', '.join(RUNTIMES)}"
        )
    return BUILDS[name](say, source, jobs)
