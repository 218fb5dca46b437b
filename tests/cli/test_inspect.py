"""`toolkit inspect`: layers, blockers and costs of every node, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
from click.testing import Result
from onnx import helper

from tests.cli.test_conversion import model

Toolkit = Callable[..., Result]


def test_what_each_node_becomes(toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv"),
        helper.make_node("BatchNormalization", ["c", "b", "b", "b", "v"], ["n"], name="norm"),
        helper.make_node("HardSigmoid", ["n"], ["y"], name="act"),
    )
    proto = onnx.load(path)
    proto.graph.initializer.append(helper.make_tensor("v", onnx.TensorProto.FLOAT, [4], [1.0, 2.0, 3.0, 4.0]))
    onnx.save(proto, path)
    done = toolkit("inspect", path, "--json")
    assert done.exit_code == 0, done.output
    found = as_json(done.stdout)
    by_name = {node["name"]: node for node in found["nodes"]}
    assert by_name["conv"]["layers"] == ["Convolution"]
    assert by_name["norm"]["layers"] == [], "folded into the convolution"
    assert by_name["act"]["layers"] == ["ReLU", "Power", "ReLU"], "its slope and offset are the convolution's"
    assert by_name["conv"]["multiply_adds"] == found["multiply_adds"] == 4 * 4 * 4 * 27
    assert found["parameters"] == 4 * 27 + 4
    assert found["converts"]["portable"]
    assert found["convertible"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx"], "nothing is written"


def test_blockers_and_where_it_would_work(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Det", ["x"], ["d"], name="det"),
        helper.make_node("Sin", ["d"], ["y"], name="sine"),
    )
    done = toolkit("inspect", path)
    assert done.exit_code == 3
    assert "Det 'det'" in done.output
    assert "Sin 'sine'" in done.output
    assert "converts in: no dialect" in done.output


def test_a_chip_that_lacks_a_layer(toolkit: Toolkit, tmp_path: Path) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text('title = "a chip"\nbase = "portable"\nlayers = ["ReLU", "Split"]\n')
    done = toolkit("inspect", model(tmp_path / "net.onnx"), "--dialect", chip, "--blockers")
    assert done.exit_code == 3
    assert "chip has no Convolution layer" in done.output
    assert "portable" in done.output


def test_a_model_that_cannot_be_read(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx", shape=("n", 3, "h", "w"))
    done = toolkit("inspect", path)
    assert done.exit_code == 3
    assert "(--input-shape x:1,3,224,224)" in done.output
    assert toolkit("inspect", path, "--input-shape", "x:1,3,8,8").exit_code == 0
    path.write_bytes(b"no model")
    assert toolkit("inspect", path).exit_code == 4
