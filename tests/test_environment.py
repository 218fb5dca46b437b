"""Tests and benchmarks see no variable that one machine sets and another does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SET_BY_SOME = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "OPENBLAS_CORETYPE", "COLUMNS", "NO_COLOR")


def test_tests_see_nothing_of_this_machine() -> None:
    assert not set(SET_BY_SOME) & os.environ.keys()


def test_benchmarks_see_nothing_of_this_machine() -> None:
    program = "import os, benchmarks; print(*(name for name in ('HOME', *os.sys.argv[1:]) if name in os.environ))"
    done = subprocess.run(
        [sys.executable, "-c", program, *SET_BY_SOME],
        cwd=Path(__file__).parents[1],
        env={"HOME": "/", **dict.fromkeys(SET_BY_SOME, "1")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["HOME"]
