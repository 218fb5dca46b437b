"""The fuzzers find nothing in some hundred inputs, the same in every run; the long hunt is a command."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("fuzzer", ["fuzz_models", "fuzz_importer"])
def test_nothing_is_found_in_some_hundred_inputs(fuzzer: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        f"scripts.{fuzzer}",
        "--count",
        "500",
        "--seed",
        "2",
        "--keep",
        str(tmp_path / "found"),
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("seed 2"), "a run tells how to repeat it"
    assert "500 inputs, 0 of them bad" in done.stdout
    assert not (tmp_path / "found").exists()
