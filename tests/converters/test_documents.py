"""The documents that are generated say what the converter does, and the page on dialects leaves nothing out."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from converters.dialects import DIALECTS, limits
from converters.dialects.order import NAMES
from converters.dialects.toml_file import TOP

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "support_table.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], capture_output=True, text=True, check=False)


def test_documents_are_up_to_date() -> None:
    found = run("--check")
    assert found.returncode == 0, found.stdout + found.stderr


def test_a_wrong_option_is_told() -> None:
    assert run("--chekc").returncode == 2


def test_the_page_on_dialects_names_everything() -> None:
    page = (ROOT / "docs" / "dialects.md").read_text(encoding="utf-8")
    quoted = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", page, flags=re.S)))
    assert set(DIALECTS) <= quoted
    assert quoted >= NAMES
    keys = {key for kind in ("Convolution", "Pooling", "Power", "Softmax") for key in limits.of_layer(kind)}
    parts = {part for kind in ("Pooling", "Scale") for part in limits.parts_of(kind)}
    assert {*TOP, *keys, *parts, "values", "without"} - {"every", "layer", "slow"} <= quoted
    assert "`[slow]`" in page
    assert "`[every]`" in page
    assert "`[layer.X]`" in page
    assert (ROOT / "docs" / "example-npu.toml").read_text(encoding="utf-8") in page
