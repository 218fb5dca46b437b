"""The command of a fuzzer: inputs by number, one after the other, a count of how they ended, and what was found."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Protocol

from scripts.fuzzing.workers import End, Limits, Say, ends
from toolkit.cli.output import progress_bar

EACH = 3  # findings of a sort that are kept


class Hunt(Protocol):
    """Broken inputs by their number, each the same in every run."""

    def judge(self, number: int, folder: Path, say: Say) -> End:
        """Feed an input to what is tested."""

    def report(self, number: int, end: End, limits: Limits, keep: Path) -> str:
        """Keep a finding's files under its number, and tell what it is."""


def parser(description: str | None, limits: Limits) -> argparse.ArgumentParser:
    """The options that all fuzzers have."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--count", type=int, default=1000, help="how many inputs")
    made.add_argument("--seconds", type=float, default=float("inf"), help="stop after that time")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--start", type=int, default=0, help="the number of the first input")
    made.add_argument("--time", type=float, default=limits.seconds, help="seconds for each step of an input")
    made.add_argument("--memory", type=int, default=limits.megabytes, help="MiB for an input")
    made.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="the folder for findings")
    return made


def run(hunt: Hunt, options: argparse.Namespace, module: str) -> int:
    """Judge the inputs; 1 where one ended as it may not. A finding is told at once, with the command to repeat it."""
    found, sorts, last = Counter[str](), Counter[str](), time.monotonic() + options.seconds
    limits = Limits(options.time, options.memory)
    with progress_bar("fuzzing", "inputs") as step:
        for number, end in ends(hunt.judge, range(options.start, options.start + options.count), limits):
            found[end.kind] += 1
            if end.bad:
                sorts[end.sort] += 1
            if end.bad and sorts[end.sort] <= EACH:
                options.keep.mkdir(parents=True, exist_ok=True)
                what = f"{end.kind}: number {number} of seed {options.seed}"
                told = f"{what}, {hunt.report(number, end, limits, options.keep)}"
                (options.keep / f"{number}.txt").write_text(told, encoding="utf-8", errors="replace")
                again = f"python -m {module} --seed {options.seed} --start {number} --count 1"
                print(f"{told}\nrepeat: {again}", flush=True)
            step(found.total(), options.count)
            if time.monotonic() > last:
                break
    for kind, count in found.most_common():
        print(f"{count:8} {kind}")
    bad = sorts.total()
    print(f"{found.total()} inputs, {bad} of them bad" + (f", kept in {options.keep}" if bad else ""))
    return int(bad > 0)
