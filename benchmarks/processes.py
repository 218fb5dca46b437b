"""Whole processes side by side: wall time, CPU time and peak memory of each, run in turn so that drift cancels."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

# Libraries start as many threads as there are cores, which costs a short process more than it gains.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Usage:
    """What one run took. `cpu` is user and system time: unlike the wall clock it hardly sees who else is busy."""

    wall: float
    cpu: float
    memory: int


def run(command: Sequence[str]) -> Usage:
    """Run a command to its end; CalledProcessError with what it said where it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, **ONE_THREAD}
    )
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()
    _, status, found = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), stderr=said)
    return Usage(wall, found.ru_utime + found.ru_stime, found.ru_maxrss * 1024)


def alternate(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[Usage]]:
    """Every command once a round, forwards and backwards in turn; a round before the first warms the caches."""
    found: dict[str, list[Usage]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name in list(commands) if number % 2 else reversed(list(commands)):
            usage = run(commands[name])
            if number:
                found[name].append(usage)
    return found


@dataclass(frozen=True)
class Ratio:
    """The median of the ratios of the rounds, and the quartiles that half of them lie between."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f}-{self.high:.2f})"


def ratio(ours: Sequence[float], floor: Sequence[float]) -> Ratio:
    """Compare round by round."""
    found = sorted(a / b for a, b in zip(ours, floor, strict=True))
    return Ratio(median(found), found[len(found) // 4], found[-1 - len(found) // 4])
