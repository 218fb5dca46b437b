"""`toolkit caffe-to-onnx`: what is written, what is proven, and how it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from click.testing import Result

from tests.runners import files
from tests.runners.conftest import need
from toolkit.runners.base import RUNTIMES

Toolkit = Callable[..., Result]
Pair = tuple[str, str]


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    prototxt, caffemodel = files.write_tiny(tmp_path)["caffe"]
    return prototxt, str(caffemodel)


def test_writes_verifies_and_tells(toolkit: Toolkit, as_json: Callable[[str], Any], pair: Pair, tmp_path: Path) -> None:
    need("opencv")
    out = tmp_path / "out.onnx"
    done = toolkit("caffe-to-onnx", *pair, "-o", out, "--json")
    assert done.exit_code == 0, done.stderr
    assert "verified: passed" in done.stderr
    found = as_json(done.stdout)
    assert found["output_shapes"] == {"prod": [1, 2, 5, 5]}
    assert found["blobs"]["shift"] == "shift"
    assert found["parity"]["verdict"] == "passed"
    model = onnx.load(out)
    onnx.checker.check_model(model, full_check=True)
    assert [node.name for node in model.graph.node] == ["conv", "shift", "relu", "halves", "twice", "prod"]


def test_options_reach_the_file(toolkit: Toolkit, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    done = toolkit(
        "caffe-to-onnx", *pair, "-o", out, "--dynamic-batch", "--opset", 20, "--output", "shift", "--no-verify"
    )
    assert done.exit_code == 0, done.stderr
    assert "not verified: --no-verify was given" in done.stderr
    model = onnx.load(out)
    assert model.opset_import[0].version == 20
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N"
    assert [value.name for value in model.graph.output] == ["shift"]


def test_without_a_name_no_file_is_written_over(toolkit: Toolkit, tmp_path: Path) -> None:
    """Beside a net that was converted here lies the model that it was made from."""
    prototxt, caffemodel = files.write_tiny(tmp_path)["caffe"]
    model = Path(prototxt).with_suffix(".onnx")
    model.write_bytes(b"the user's")
    done = toolkit("caffe-to-onnx", prototxt, caffemodel, "--no-verify")
    assert done.exit_code == 2
    assert f"{model} is there already: name the file to write with -o" in done.stderr
    assert model.read_bytes() == b"the user's"
    assert toolkit("caffe-to-onnx", prototxt, caffemodel, "-o", model, "--no-verify").exit_code == 0
    assert onnx.load(model).graph.node


def test_a_mismatch_keeps_the_file_under_another_name(
    toolkit: Toolkit, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lift that is wrong: ReLU as its mirror image."""
    need("opencv")
    from converters.caffe_to_onnx import registry

    monkeypatch.setitem(registry.LIFTS, "ReLU", lambda op, x, *, negative_slope: op.Neg(op.Relu(op.Neg(x))))
    done = toolkit("caffe-to-onnx", *pair, "-o", tmp_path / "out.onnx")
    assert done.exit_code == 1
    assert "the file is kept as" in done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.onnx")) == ["out.failed.onnx", "tiny.onnx"]


def test_without_an_engine_it_says_how_to_get_one(
    toolkit: Toolkit, pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    for name in ("caffe", "opencv"):
        monkeypatch.setitem(RUNTIMES, name, replace(RUNTIMES[name], missing=lambda name=name: f"get {name}"))
    done = toolkit("caffe-to-onnx", *pair, "-o", tmp_path / "out.onnx")
    assert done.exit_code == 0, done.stderr
    assert "not verified: no Caffe engine is installed (get caffe; get opencv)" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("--output", "nothing"), 2, "has no blob 'nothing'"),
        (("--dialect", "mine"), 2, "unknown dialect 'mine' for reading Caffe"),
        (("--opset", "9"), 2, "opset 9 is not known"),
        (("--input-shape", "image:1,3,5,5"), 2, "a shape is given for 'image'"),
        (("--input-shape", "data:1,4,5,5"), 3, "blob 0 of weights is (4, 3, 3, 3), and must be (4, 4, 3, 3)"),
    ],
)
def test_refusals(toolkit: Toolkit, pair: Pair, tmp_path: Path, words: tuple[str, ...], code: int, reason: str) -> None:
    done = toolkit("caffe-to-onnx", *pair, "-o", tmp_path / "out.onnx", *words)
    assert (done.exit_code, reason in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "out.onnx").exists()


def test_of_many_blobs_the_closest_are_named(toolkit: Toolkit, pair: Pair, tmp_path: Path) -> None:
    text = Path(pair[0]).read_text()
    last = text.rstrip().removesuffix("}").rpartition('top: "')[2].partition('"')[0]
    more = "".join(f'layer {{ name: "side{i}" type: "ReLU" bottom: "{last}" top: "side_{i:02}" }}\n' for i in range(30))
    many = tmp_path / "many.prototxt"
    many.write_text(text + more)
    done = toolkit("caffe-to-onnx", many, pair[1], "-o", tmp_path / "out.onnx", "--output", "sideO7")
    assert done.exit_code == 2
    assert "has no blob 'sideO7'; it has " in done.stderr
    assert "side_07, " in done.stderr
    assert done.stderr.rstrip().endswith(" more")
    assert done.stderr.count("side_") == 8


def test_broken_files_are_one_sentence(toolkit: Toolkit, pair: Pair, tmp_path: Path) -> None:
    whole = Path(pair[1]).read_bytes()
    Path(pair[1]).write_bytes(whole[: len(whole) // 2])
    done = toolkit("caffe-to-onnx", *pair, "-o", tmp_path / "out.onnx")
    assert done.exit_code == 4
    assert done.stderr.count("\n") == 1
    assert "not a caffemodel that can be read" in done.stderr


def test_the_runner_takes_files_that_are_written_here(toolkit: Toolkit, pair: Pair, tmp_path: Path) -> None:
    out = tmp_path / "out.onnx"
    assert toolkit("caffe-to-onnx", *pair, "-o", out, "--no-verify").exit_code == 0
    done = toolkit("parity", out, f"caffe-via-onnx:{pair[0]}")
    assert done.exit_code == 0, done.stdout + done.stderr


def test_inspect_needs_no_weights(toolkit: Toolkit, as_json: Callable[[str], Any], pair: Pair, tmp_path: Path) -> None:
    done = toolkit("inspect", pair[0], "--json")
    assert done.exit_code == 0, done.stderr
    found = {layer["name"]: layer for layer in as_json(done.stdout)["layers"]}
    assert found["conv"]["operators"] == ["Conv"]
    assert found["halves"]["tops"] == {"low": [1, 2, 5, 5], "high": [1, 2, 5, 5]}
    path = tmp_path / "odd.prototxt"
    path.write_text(Path(pair[0]).read_text() + 'layer { name: "m" type: "Mystery" bottom: "prod" top: "m" }')
    done = toolkit("inspect", path, "--blockers")
    assert done.exit_code == 3
    assert "Mystery 'm': no ONNX form of the layer type Mystery is known" in done.stdout
