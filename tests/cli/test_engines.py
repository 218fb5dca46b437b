"""`toolkit engines` lists what the runners know, and builds what can be built."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from toolkit import engines, runners

Toolkit = Callable[..., Result]
AsJson = Callable[[str], Any]


def test_every_runner_is_listed_with_its_version_or_how_to_get_it(toolkit: Toolkit, as_json: AsJson) -> None:
    found = as_json(toolkit("engines", "--json").stdout)["engines"]
    assert [one["name"] for one in found] == list(runners.RUNTIMES)
    for one in found:
        assert one["available"] == (not one["missing"])
        assert one["get"], f"{one['name']}: how to get it?"
        assert bool(one["version"]) == one["available"], one["name"]


def test_the_table_says_how_to_get_what_is_missing(
    toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CAFFE_BRIDGE_CAFFE", str(tmp_path))
    lines = toolkit("engines").stdout.splitlines()
    (caffe,) = (line for line in lines if line.startswith("│ caffe "))
    assert "missing" in caffe
    assert "toolkit engines build caffe" in caffe
    (ort,) = (line for line in lines if line.startswith("│ onnxruntime"))
    assert runners.RUNTIMES["onnxruntime"].version() in ort
    assert "pip" not in ort


def test_a_build_says_where_it_is(toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    def fake(say: Callable[[str], None], source: Path | None, jobs: int | None) -> Path:
        say(f"jobs {jobs}")
        return Path("/cache/caffe")

    monkeypatch.setitem(engines.BUILDS, "caffe", fake)
    done = toolkit("engines", "build", "caffe", "--jobs", "3")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "/cache/caffe\n", "jobs 3\n")


def test_what_is_not_built_here_says_how_to_get_it(toolkit: Toolkit) -> None:
    done = toolkit("engines", "build", "opencv")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: opencv is not built here: pip install 'opencv-python-headless>=4.10,<5'\n",
    )
    done = toolkit("engines", "build", "tensorrt")
    assert done.exit_code == 2
    assert f"unknown engine 'tensorrt'; known: {', '.join(runners.RUNTIMES)}" in done.stderr
