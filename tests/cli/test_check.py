"""`toolkit check`: the reports that it writes and the code that it exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import Result

from tests.parity import planted
from tests.parity.looking import need

Toolkit = Callable[..., Result]


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    need("opencv")
    planted.small(tmp_path)
    (tmp_path / "parity.toml").write_text('runtimes = ["opencv"]\nmodels = ["net.onnx"]', "utf-8")
    return tmp_path / "parity.toml"


def test_a_pass_and_its_reports(listed: Path, toolkit: Toolkit, as_json: Callable[[str], Any]) -> None:
    new = listed.parent / "new"
    words = ("--output", new / "a.json", "--junit", new / "b.xml", "--report", new / "c.html")
    found = toolkit("check", listed, *words)
    assert found.exit_code == 0, found.output
    assert "1 passed in " in found.stdout
    assert "net.onnx" in found.stdout
    said = json.loads((new / "a.json").read_text("utf-8"))
    assert (said["verdict"], len(said["checks"])) == ("passed", 1)
    (suite,) = ElementTree.parse(new / "b.xml").getroot()
    assert [case.attrib["classname"] for case in suite] == ["net.onnx"]
    assert "net.onnx" in (new / "c.html").read_text("utf-8")
    (check,) = as_json(toolkit("check", listed, "--json").stdout)["checks"]
    assert check["name"] == "net.onnx / portable / deploy / opencv"


def test_a_failure_exits_1_with_its_reason(listed: Path, toolkit: Toolkit) -> None:
    listed.write_text('runtimes = ["opencv"]\ntolerances = { nonsense = 1e-3 }\nmodels = ["net.onnx"]', "utf-8")
    found = toolkit("check", listed, "--jobs", 1)
    assert found.exit_code == 1
    assert "net.onnx / portable / deploy / opencv: error" in found.stderr, "said at once"
    assert "'nonsense' is given a tolerance, but the outputs are " in found.stdout
    assert "1 error in " in found.stdout


@pytest.mark.parametrize(
    "words, message",
    [
        (("nowhere.toml",), "does not exist"),
        (("{file}", "--only", "nonsense"), "none has nonsense in its name"),
        (("{file}", "--jobs", "0"), "--jobs"),
    ],
)
def test_wrong_usage_exits_2(words: tuple[str, ...], message: str, listed: Path, toolkit: Toolkit) -> None:
    found = toolkit("check", *(word.format(file=listed) for word in words))
    assert found.exit_code == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_wrong_key_exits_2_and_is_named(listed: Path, toolkit: Toolkit) -> None:
    listed.write_text('dialect = ["bvlc"]\nmodels = ["net.onnx"]', "utf-8")
    found = toolkit("check", listed)
    assert found.exit_code == 2
    assert "parity.toml: dialect: is not a known key; did you mean dialects?" in found.stderr
