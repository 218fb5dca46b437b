"""`toolkit check`: everything that a parity.toml lists, green where it agrees, red where one weight was turned."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import Result

from converters.onnx_to_caffe.lower import Lowered
from tests.cli.test_conversion import model
from toolkit import runners
from toolkit.check import config, plan, work

Toolkit = Callable[..., Result]
ROOT = Path(__file__).parents[2]
MISSING = runners.available()

needs_both = pytest.mark.skipif(
    bool(MISSING["opencv"] or MISSING["caffe"]), reason=MISSING["opencv"] or MISSING["caffe"] or "never"
)


def listed(folder: Path, text: str = 'dialects = ["portable", "bvlc"]\nmodels = ["net.onnx"]\n') -> Path:
    model(folder / "net.onnx")
    (folder / "parity.toml").write_text(text)
    return folder / "parity.toml"


@pytest.fixture
def toolkit() -> Toolkit:
    from click.testing import CliRunner

    from toolkit.cli import main

    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@needs_both
def test_green_with_its_reports(toolkit: Toolkit, tmp_path: Path) -> None:
    file = listed(tmp_path)
    out, junit = tmp_path / "out.json", tmp_path / "out.xml"
    done = toolkit("check", file, "--output", out, "--junit", junit)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert found["verdict"] == "passed"
    names = {(check["dialect"], check["runtime"]): check["status"] for check in found["checks"]}
    assert names == {("portable", "opencv"): "passed", ("portable", "caffe"): "passed", ("bvlc", "caffe"): "passed"}
    suite = ElementTree.parse(junit).getroot()
    assert len(list(suite.iter("testcase"))) == 3
    assert not list(suite.iter("failure"))


@needs_both
def test_one_turned_weight_is_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = config.load(listed(tmp_path))
    job = next(job for job in plan.jobs_of(models) if job.dialect == "portable")
    folders = work.Folders(tmp_path)
    assert {result["status"] for result in work.run(job, models[0], folders)} == {"passed"}
    module = import_module("converters.onnx_to_caffe.convert")
    honest = module.lower
    monkeypatch.setattr(module, "lower", lambda model: _turned(honest(model)))
    found = work.run(job, models[0], folders)
    assert {result["status"] for result in found} == {"failed"}
    assert len(found) == 2
    assert all("'y'" in result["message"] for result in found)


def _turned(lowered: Lowered) -> Lowered:
    """The net with the sign of one weight turned."""
    layers = list(lowered.net.layers)
    at = next(i for i, item in enumerate(layers) if item.type == "Convolution")
    weight = np.asarray(layers[at].blobs[0], np.float32).copy()
    place = np.unravel_index(np.abs(weight).argmax(), weight.shape)
    weight[place] *= -1
    layers[at] = replace(layers[at], blobs=(weight, *layers[at].blobs[1:]))
    return replace(lowered, net=replace(lowered.net, layers=tuple(layers)))


@needs_both
def test_a_model_that_cannot_be_converted_is_red_and_the_rest_runs(toolkit: Toolkit, tmp_path: Path) -> None:
    from onnx import helper

    file = listed(tmp_path, 'models = ["net.onnx", "odd.onnx"]\n')
    model(tmp_path / "odd.onnx", helper.make_node("Det", ["x"], ["y"], name="det"))
    done = toolkit("check", file, "--json")
    assert done.exit_code == 1
    found = json.loads(done.stdout)["checks"]
    assert {check["status"] for check in found if "net" in check["model"]} == {"passed"}
    odd = [check for check in found if "odd" in check["model"]]
    assert odd
    assert all(check["status"] == "error" and "Det 'det'" in check["message"] for check in odd)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('models = ["net.onnx"]\ndialect = ["portable"]\n', "dialect"),
        ('models = ["net.onnx"]\ndialects = ["caffe3"]\n', "dialects"),
        ('[[models]]\nmodel = "net.onnx"\ntolerance = "much"\n', "tolerance"),
        ("models = [", "parity.toml"),
        ("models = []\n", "models"),
    ],
)
def test_errors_name_the_key(toolkit: Toolkit, tmp_path: Path, text: str, word: str) -> None:
    done = toolkit("check", listed(tmp_path, text))
    assert done.exit_code in (2, 4), done.output
    assert word in done.output
    assert "Traceback" not in done.output


def test_the_repository_checks_every_width_and_dialect() -> None:
    models = config.load(ROOT / "parity.toml")
    widths = {entry.model for entry in models}
    assert widths == {f"shufflenet_v2_x{width}" for width in ("0.25", "0.33", "0.5", "1.0", "1.5", "2.0")}
    assert {"portable", "bvlc", "shufflenet", "opencv"} <= set(models[0].dialects)
