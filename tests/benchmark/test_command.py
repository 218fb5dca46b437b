"""`toolkit benchmark` on small models in real engines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper

from tests.cli.conftest import as_json, toolkit
from toolkit import runners

__all__ = ["as_json", "toolkit"]  # fixtures

HAS_OPENCV = not runners.available()["opencv"]


@pytest.fixture
def net(tmp_path: Path) -> Path:
    weight = numpy_helper.from_array(np.random.default_rng(2).random((4, 3, 3, 3), np.float32), "w")
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("Relu", ["c"], ["y"])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", c, s, s]) for name, c, s in FORMS]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [weight])
    path = tmp_path / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9), path)
    return path


FORMS = (("x", 3, 8), ("y", 4, 6))


def test_table(toolkit: Callable[..., Result], net: Path) -> None:
    result = toolkit("benchmark", net, f"onnxruntime:{net},optimisation=disabled", "--rounds", 6)
    assert result.exit_code == 0, result.output
    assert "reference" in result.output
    assert "net.onnx,optimisation=disabled" in result.output
    assert "1 thread, optimisation all" in result.output  # the plain file, as users run it
    assert "run with onnxruntime" in result.output


def test_layers_add_up_to_the_whole(toolkit: Callable[..., Result], as_json: Callable[[str], Any], net: Path) -> None:
    """As the engine runs them: onnxruntime merges the two nodes of the plain file, and not those of the other one."""
    unmerged = f"onnxruntime:{net},optimisation=disabled"
    result = toolkit("benchmark", net, unmerged, "--rounds", 6, "--layers", "--input-shape", "x:8,3,8,8")
    assert result.exit_code == 0, result.output
    assert "disabled: 2 layers;" in result.output
    assert "other: not in a layer" in result.output
    told = as_json(toolkit("benchmark", net, unmerged, "--rounds", 6, "--layers", "--json").stdout)
    kinds = [name.partition(" ")[0] for name in told["targets"][0]["layers"]]
    assert "Relu" not in kinds
    assert {"Conv", "FusedConv"}.intersection(kinds)
    for found in told["targets"]:
        assert sum(found["layers"].values()) + found["layers_other"] == pytest.approx(found["layers_whole"])
        assert 0 <= found["layers_other"] < found["layers_whole"]


def test_report_is_a_page(toolkit: Callable[..., Result], net: Path, tmp_path: Path) -> None:
    result = toolkit("benchmark", net, "--rounds", 6, "--layers", "--report", tmp_path / "new" / "speed.html")
    assert result.exit_code == 0, result.output
    assert "onnxruntime takes" in (tmp_path / "new" / "speed.html").read_text("utf-8")


def test_json(toolkit: Callable[..., Result], as_json: Callable[[str], Any], net: Path) -> None:
    result = toolkit("benchmark", net, net, "--rounds", 6, "--batch", 5, "--threads", 2, "--layers", "--json")
    assert result.exit_code == 0, result.output
    found = as_json(result.stdout)
    assert found["threads"] == 2
    first, second = found["targets"]
    assert first["ratio"] is None
    assert second["ratio"]["low"] <= second["ratio"]["median"] <= second["ratio"]["high"]
    assert first["batch"] == 5
    assert first["seconds"]["min"] <= first["seconds"]["p50"] <= first["seconds"]["p99"] <= first["seconds"]["max"]
    assert len(first["rounds"]) == 6
    assert first["layers"]
    assert "2 threads" in first["version"]


@pytest.mark.skipif(not HAS_OPENCV, reason="OpenCV is not installed")
def test_runtime_runs_plain_targets(
    toolkit: Callable[..., Result], as_json: Callable[[str], Any], net: Path, tmp_path: Path
) -> None:
    result = toolkit(
        "benchmark", net, "--runtime", "onnxruntime", "--runtime", "opencv", "--rounds", 6, "--json",
        "--input-shape", "x:1,3,8,8",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert [one["runtime"] for one in as_json(result.stdout)["targets"]] == ["onnxruntime", "opencv"]


def test_a_target_that_fails_is_an_error(toolkit: Callable[..., Result], net: Path) -> None:
    broken = net.with_name("broken.onnx")
    model = onnx.load(net)
    model.graph.node[1].op_type = "Rulu"
    onnx.save(model, broken)
    result = toolkit("benchmark", net, broken, "--rounds", 6)
    assert result.exit_code in (1, 4), result.output
    assert "Rulu" in result.stderr


def test_usage(toolkit: Callable[..., Result], net: Path) -> None:
    assert toolkit("benchmark").exit_code == 2
    assert toolkit("benchmark", net, "--rounds", 5).exit_code == 2, "five rounds have no interval of 95 %"
    assert toolkit("benchmark", "nothing.onnx").exit_code == 2
