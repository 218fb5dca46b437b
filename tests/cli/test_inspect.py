"""`toolkit inspect`: layers, blockers and costs of every node, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import onnx.parser
import pytest
from click.testing import Result
from onnx import helper, numpy_helper

from converters.caffe.net import Net
from converters.dialects import NAMES
from converters.errors import Problem
from converters.onnx_to_caffe.pipeline import PIPELINES, Pass, Task
from converters.onnx_to_caffe.survey import Row
from tests.cli.test_conversion import HAS_ENGINE, model
from toolkit.cli.survey import show as show_survey

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


DETECTOR = """<ir_version: 8, opset_import: ["" : 17]>
detector (float[1,3,16,16] image) => (int64[n,3] picked, float[1,5] best)
<int64[1] most={10}, float[1] overlap={0.5}, int64[1] k={5}, int64[3] four={1,4,-1}, int64[3] one={1,1,-1}> {
    [stem] f = Conv<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(image, w)
    r = Relu(f)
    [box] b = Conv<kernel_shape=[1,1]>(r, wb)
    [score] s = Conv<kernel_shape=[1,1]>(r, ws)
    likely = Sigmoid(s)
    flat = Reshape(b, four)
    boxes = Transpose<perm=[0,2,1]>(flat)
    scores = Reshape(likely, one)
    picked = NonMaxSuppression(boxes, scores, most, overlap)
    row = Flatten(scores)
    best, where = TopK(row, k)
}"""


def detector(path: Path) -> Path:
    """A small detector: NonMaxSuppression keeps the model from being read, and hides a TopK beside it."""
    proto, rng = onnx.parser.parse_model(DETECTOR), np.random.default_rng(0)
    for name, shape in {"w": (8, 3, 3, 3), "wb": (4, 8, 1, 1), "ws": (1, 8, 1, 1)}.items():
        proto.graph.initializer.append(numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name))
    onnx.save(proto, path)
    return path


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_the_proposed_command_converts_what_stands_before_the_blockers(
    toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path
) -> None:
    path = detector(tmp_path / "a detector.onnx")
    refused = toolkit("onnx-to-caffe", path)
    assert refused.exit_code == 3
    assert "`toolkit inspect` names every blocker" in refused.stderr
    done = toolkit("inspect", path)
    assert done.exit_code == 3
    for told in ("NonMaxSuppression 'picked'", "TopK 'best'", "converts in: no dialect"):
        assert told in done.output
    assert "Conv " in done.output, "the nodes are listed, though the model can't be read as it is"
    program, *words = shlex.split(done.output.splitlines()[-1])
    assert program == "toolkit"
    copied = toolkit(*words, "--strict")
    assert copied.exit_code == 0, copied.stderr
    assert "verified: passed" in copied.stderr
    compared = toolkit("parity", path, tmp_path / "a detector.prototxt")
    assert compared.exit_code == 0, compared.output
    assert "the files hold the network up to boxes, scores, row: compared there" in compared.stderr
    found = as_json(toolkit("inspect", path, "--json").stdout)
    assert found["cut"] == ["boxes", "scores", "row"]
    assert not found["convertible"]
    assert {one["op"] for one in found["problems"]} == {"NonMaxSuppression"}


def test_blockers_beyond_the_cut_are_not_blamed(toolkit: Toolkit, tmp_path: Path) -> None:
    path = detector(tmp_path / "net.onnx")
    proto = onnx.load(path)
    proto.graph.node.append(helper.make_node("Own", ["r"], ["o"], "own", domain="vendor"))
    proto.opset_import.append(helper.make_opsetid("vendor", 1))
    onnx.save(proto, path)
    done = toolkit("inspect", path, "--output", "o")
    assert done.exit_code == 3
    assert "Own 'own'" in done.output
    assert "NonMaxSuppression" not in done.output
    assert "TopK" not in done.output


def test_no_cut_is_proposed_where_nothing_stands_before_the_blocker(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx", helper.make_node("Det", ["x"], ["d"]), helper.make_node("Relu", ["d"], ["y"]))
    done = toolkit("inspect", path)
    assert done.exit_code == 3
    assert "what stands before" not in done.output


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


def test_what_each_pass_did_and_why_not(toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2], strides=[1, 1]),
        helper.make_node("HardSigmoid", ["m"], ["y"]),
    )
    shown = toolkit("inspect", path, "--passes").output
    assert "activation_after_pool left 'm': it has a window for every number, which saves nothing" in shown
    assert "-1 HardSigmoid, +3 Power, +2 ReLU" in shown
    passes = {one["name"]: one for one in as_json(toolkit("inspect", path, "--json").stdout)["passes"]}
    assert passes["legalise"]["outcome"] == "changed"
    assert passes["legalise"]["layers"] == {"HardSigmoid": -1, "Power": 3, "ReLU": 2}
    assert passes["activation_after_pool"]["notes"][0]["layer"] == "m"
    assert passes["absorb_pads"]["outcome"] == "unchanged"


def test_a_pass_is_left_out(toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Conv", ["x", "w", "b"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    )
    found = as_json(toolkit("inspect", path, "--skip-pass", "activation_after_pool", "--json").stdout)
    assert {one["name"]: one["outcome"] for one in found["passes"]}["activation_after_pool"] == "left out"
    done = toolkit("onnx-to-caffe", path, "--no-verify", "--skip-pass", "activation_after_pool")
    assert done.exit_code == 0, done.output
    written = path.with_suffix(".prototxt").read_text("utf-8")
    assert written.index('"ReLU"') < written.index('"Pooling"')
    assert "without the passes activation_after_pool" in written.splitlines()[0]


def test_a_pass_that_is_needed_or_unknown_is_a_usage_error(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    for arguments, complaint in (
        (["--skip-pass", "legalise"], "can't be left out: the net would have layers that its dialect does not have"),
        (["--skip-pass", "folding"], "there is no pass 'folding' in this style; these can be left out: merge_"),
        (["--skip-pass", "fold", "--style", "train"], "no pass 'fold' in this style; these can be left out: leave_"),
    ):
        done = toolkit("onnx-to-caffe", path, *arguments)
        assert done.exit_code == 2
        assert complaint in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx"]


def test_a_pass_that_fails_is_named(toolkit: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(net: Net, task: Task) -> NoReturn:
        raise LookupError("lost")

    monkeypatch.setitem(
        PIPELINES, "deploy", (*PIPELINES["deploy"][:2], Pass("careless", fail, ()), *PIPELINES["deploy"])
    )
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"))
    assert done.exit_code == 70
    assert "the pass 'careless', after preprocess, merge_duplicates, failed: LookupError: lost" in done.output


def test_the_help_and_the_page_name_every_pass(toolkit: Toolkit) -> None:
    text = " ".join(toolkit("onnx-to-caffe", "--help").output.split())
    page = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text("utf-8")
    for style, passes in PIPELINES.items():
        able = ", ".join(one.name for one in passes if not one.needed)
        assert f"Style {style}: {able}." in text.replace(" │ │ ", " ")
        assert not {one.name for one in passes if f"`{one.name}`" not in page}


def test_every_dialect_in_one_table(toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Conv", ["x", "w", "b"], ["c"], name="conv", strides=[2, 2]),
        helper.make_node("Sigmoid", ["c"], ["s"], name="sigmoid"),
        helper.make_node("Softmax", ["s"], ["y"], name="softmax", axis=1),
    )
    done = toolkit("inspect", path, "--dialect", "all")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:-1]] for line in lines if "│" in line
    }
    assert list(rows) == list(NAMES)
    assert rows["portable"] == ["yes", "4", "", ""]
    assert rows["horizon-x3"] == ["yes", "4", "1", ""]
    assert rows["vitis-dpu"] == ["no", "", "", "1"]
    assert "Sigmoid 'sigmoid': no Sigmoid layer (vitis-dpu)" in lines
    assert "horizon-x3: 1 on the CPU: Softmax runs on the CPU" in lines
    found = {
        row["dialect"]: row
        for row in as_json(toolkit("inspect", path, "--dialect", "all", "--json").stdout)["dialects"]
    }
    assert list(found) == list(NAMES)
    assert found["horizon-x3"]["slow"] == {"Softmax runs on the CPU": 1}
    assert found["vitis-dpu"]["blockers"][0]["name"] == "sigmoid"
    assert [name for name, row in found.items() if not row["converts"]] == ["vitis-dpu"]


def test_what_no_dialect_takes(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx", helper.make_node("Det", ["x"], ["y"], name="det"))
    done = toolkit("inspect", path, "--dialect", "all")
    assert done.exit_code == 3
    assert "converts in: no dialect" in done.stdout
    assert toolkit("inspect", model(tmp_path / "n.onnx", shape=("n", 3, "h", "w")), "--dialect", "all").exit_code == 3


def test_a_blocker_of_several_layers_names_a_dialect_once(capsys: pytest.CaptureFixture[str]) -> None:
    blockers = (Problem("Resize", "up", "a batch of 21; the chip takes 1"),) * 2
    show_survey([Row("ncnn", "", blockers=blockers), Row("rknn", "", blockers=blockers)])
    assert "Resize 'up': a batch of 21; the chip takes 1 (ncnn, rknn)" in capsys.readouterr().out
