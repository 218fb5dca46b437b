"""Names and paths are other people's text: what is printed of them forges no line and commands no terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import onnx
import onnx.parser
import pytest

from converters.errors import ConversionError, InvalidInput, Problem, printable
from toolkit.engines.commands import BuildError

NASTY = "a\nerror: forged\x1b]0;title\x07"
SHOWN = r"a\nerror: forged\x1b]0;title\x07"


def model(path: bytes | str, op: str = "Relu", name: str = "n") -> None:
    text = '<ir_version: 10, opset_import: ["" : 18]> net (float[1,3,4,4] x) => (float[1,3,4,4] y) { y = Relu(x) }'
    proto = onnx.parser.parse_model(text)
    proto.graph.node[0].op_type, proto.graph.node[0].name = op, name
    with open(path, "wb") as file:
        file.write(proto.SerializeToString())


def toolkit(*words: str | bytes | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-m", "toolkit", *words], capture_output=True, check=False)


def test_what_is_printed_is_escaped_and_other_scripts_stay() -> None:
    assert printable(NASTY) == SHOWN
    assert printable("größe 図 \u202e") == r"größe 図 " + r"\u202e"


def test_errors_keep_their_own_lines_alone() -> None:
    blocked = ConversionError([Problem(NASTY, NASTY, NASTY, "do", NASTY)])
    assert str(blocked).splitlines() == [
        "1 node(s) can't be converted:",
        f"{SHOWN} '{SHOWN}': {SHOWN}",
        f"    from: {SHOWN}",
        "    hint: do",
    ]
    assert str(InvalidInput(NASTY)) == SHOWN
    assert str(BuildError("make failed:\nline\x1b[2J\nlast")) == "make failed:\nline" + r"\x1b[2J" + "\nlast"


@pytest.mark.parametrize("command", ["onnx-to-caffe", "inspect"])
def test_a_name_forges_no_error(command: str, tmp_path: Path) -> None:
    model(str(tmp_path / "net.onnx"), NASTY, NASTY)
    done = toolkit(command, tmp_path / "net.onnx")
    assert done.returncode == 3
    said = (done.stdout + done.stderr).decode()
    assert SHOWN in said
    assert "\x1b" not in said
    assert not any(line.startswith("error: forged") for line in said.splitlines())


def test_a_path_that_onnxruntime_cannot_open(tmp_path: Path) -> None:
    source = os.fsencode(tmp_path) + b"/net_\xff.onnx"
    model(source)
    done = toolkit("onnx-to-caffe", source, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert b"the path is not UTF-8; rename the file" in done.stderr
    assert [one.suffix for one in tmp_path.iterdir()] == [".onnx"]


@pytest.mark.parametrize("name", [b"net_\xff\xfe", NASTY.encode()])
def test_a_path_that_is_no_text(name: bytes, tmp_path: Path) -> None:
    source = os.fsencode(tmp_path) + b"/" + name + b".onnx"
    model(source)
    done = toolkit("onnx-to-caffe", source, "--no-verify", "--json", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert os.fsencode(json.loads(done.stdout)["source"]) == source
    back = toolkit("caffe-to-onnx", tmp_path / "out.prototxt", "--no-verify", "-o", tmp_path / "back.onnx")
    assert back.returncode == 0, back.stderr
