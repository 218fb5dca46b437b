"""CI fails where a test is skipped that nobody allowed to be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = """
import pytest

def test_good():
    pass

@pytest.mark.skipif(True, reason="not here")
def test_absent():
    pass
"""


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_only_allowed_skips_are_green(tmp_path: Path, workers: list[str]) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "none").write_text("# nothing\n")
    (tmp_path / "one").write_text("test_it.py::test_absent  # no need\n")

    def run(*words: str) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *workers, *words]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()

    assert run()[0] == 0
    assert run("--allowed-skips", "one")[0] == 0
    code, lines = run("--allowed-skips", "none")
    assert code == 1
    assert "test_it.py::test_absent" in lines
    assert lines[-1].startswith("1 passed, 1 skipped in ")


def test_what_ci_allows_is_named_and_few() -> None:
    lines = (ROOT / ".ci" / "allowed-skips").read_text("utf-8").splitlines()
    allowed = [line for line in lines if line and not line.startswith("#")]
    assert len(allowed) <= 5
    for line in allowed:
        name, _, reason = line.partition("  # ")
        path, _, function = name.partition("::")
        assert f"def {function}(" in (ROOT / path).read_text("utf-8")
        assert reason
