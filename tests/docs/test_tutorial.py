"""The tutorial does what it says: every command runs, in order, and prints what the page shows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.docs.blocks import blocks, unmet

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial.md"
SECONDS = 600  # "in ten minutes"


@pytest.mark.parametrize(
    "expected, output, missing",
    [
        ("wrote net (... MB)\nverdict: passed", "wrote net (0.3 MB)\n\n  more\nverdict:   passed\n", ""),
        ("wrote net (... MB)", "wrote net (0.3 GB)", "wrote net (... MB)"),
        ("b\na", "a\nb", "a"),
        ("verdict: passed", "verdict: passed not", "verdict: passed"),
    ],
)
def test_what_a_block_shows_is_compared(expected: str, output: str, missing: str) -> None:
    assert unmet(expected, output) == missing


def test_every_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    shutil.copy(ROOT / "fixtures" / "photo.jpg", tmp_path)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "200"}
    output, commands, start = "", 0, time.monotonic()
    for block in blocks(TUTORIAL):
        if block.language == "sh":
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", block.text],
                cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
            )  # fmt: skip
            output = done.stdout
            assert done.returncode == 0, f"docs/tutorial.md:{block.line}\n{output}"
            assert "Traceback" not in output
            commands += 1
        elif block.language == "text":
            line = unmet(block.text, output)
            assert not line, f"docs/tutorial.md:{block.line}: no line '{line}' in\n{output}"
    assert commands >= 8
    assert time.monotonic() - start < SECONDS
    assert (tmp_path / "report.html").stat().st_size < 6e6
