"""The guide to the library does what it says: its code runs, in order, in an empty folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.docs.blocks import blocks
from tests.parity.looking import need

PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def test_the_code_of_the_guide_runs(tmp_path: Path) -> None:
    need("opencv")
    code = "\n".join(block.text for block in blocks(PAGE) if block.language == "python")
    assert code.count("toolkit.convert(") >= 4
    script = tmp_path / "guide.py"
    script.write_text(code, "utf-8")
    done = subprocess.run([sys.executable, script], cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out/net.prototxt out/net.caffemodel\nVerdict.PASSED\nopencv passed ")
    assert done.stdout.count("Verdict.PASSED") == 1, "the script is run once, whatever it starts"
    assert "\nTopK " in done.stdout  # what refuses a sort
    assert "\nONNX 0." in done.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "back.onnx").is_file()
