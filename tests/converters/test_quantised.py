"""A quantised model -> the float network inside it: exact, with the ReLUs that quantisers leave out, or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper

import toolkit as library
from converters.caffe import text
from converters.errors import ConversionError, Refuted
from converters.onnx_passes.quantised.drop import Dropped, drop_quantisation
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.converters.quantised_models import FORMS, SHAPE, floats
from toolkit import runners
from toolkit.cli import main

ENGINES = [name for name in ("opencv", "caffe") if not runners.available()[name]]
IMAGE = np.random.default_rng(100).uniform(-3, 3, SHAPE).astype(np.float32)
Node = onnx.NodeProto


def toolkit(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def run(model: onnx.ModelProto, folder: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    from toolkit.runners.base import Target

    onnx.save(model, folder / "run.onnx")
    with runners.load("onnxruntime", Target(str(folder / "run.onnx"))) as runner:
        return dict(runner.run(feeds))


def error(got: np.ndarray, want: np.ndarray) -> float:
    return float(np.abs(got - want).max() / np.abs(want).max())


def dequantised(path: Path) -> onnx.ModelProto:
    """The float model with the weights of a quantised one, dequantised here, by numpy."""
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    model = floats()
    for tensor in model.graph.initializer:
        if f"{tensor.name}_quantized" not in held:
            continue
        whole = held[f"{tensor.name}_quantized"].astype(np.float64)
        stem = f"{tensor.name}_quantized" if f"{tensor.name}_quantized_scale" in held else tensor.name
        scale, zero = held[f"{stem}_scale"].astype(np.float64), held[f"{stem}_zero_point"].astype(np.float64)
        if scale.size > 1:
            axis = list(whole.shape).index(scale.size) if tensor.name != "w5" else 1
            shape = [-1 if at == axis else 1 for at in range(whole.ndim)]
            scale, zero = scale.reshape(shape), zero.reshape(shape)
        tensor.CopyFrom(numpy_helper.from_array(((whole - zero) * scale).astype(np.float32), tensor.name))
    return model


@pytest.mark.parametrize("form", FORMS)
def test_it_is_the_float_network_with_weights_that_were_rounded(form: str, tmp_path: Path) -> None:
    """Against the network before it was quantised, with weights dequantised by other means."""
    path = FORMS[form](tmp_path / "q.onnx")
    of = FORMS["qdq_channels" if "channels" in form else "qdq_uint8"](tmp_path / "of.onnx") if "qop" in form else path
    want = run(dequantised(of), tmp_path, {"x": IMAGE})["y"]
    done = convert_file(path, tmp_path / "net", drop_quantisation=True)
    assert "dropped the quantisation of " in done.dropped
    for engine in ENGINES:
        assert error(engines.run(engine, done, {"x": IMAGE})["y"], want) < (1e-5 if form != "dynamic" else 1e-3)
    kinds = [layer.type for layer in text.read(tmp_path / "net.prototxt").layers]
    assert "ReLU" in kinds


@pytest.mark.skipif(not ENGINES, reason="no Caffe engine is installed (toolkit engines)")
@pytest.mark.parametrize("form", ["qdq", "qoperator_channels", "dynamic"])
def test_every_command_agrees_on_it(form: str, tmp_path: Path) -> None:
    path = FORMS[form](tmp_path / "net.onnx")
    done = toolkit("onnx-to-caffe", path, "--drop-quantisation", "--strict", "--json")
    assert done.exit_code == 0, done.stderr
    assert "dropped the quantisation of " in done.stderr
    assert "quantisation itself: " in done.stderr
    reports = [json.loads(done.stdout)["parity"]]
    words = (f"{ENGINES[0]}:{tmp_path / 'net.prototxt'}", "--layers", "--json")
    compared = toolkit("parity", path, *words)
    reports.append(json.loads(compared.stdout))
    layers = reports[-1]["rows"][0]["layers"]["layers"]
    assert len(layers) > 10
    assert all(layer["status"] == "passed" for layer in layers)
    (tmp_path / "parity.toml").write_text(
        f'models = ["net.onnx"]\nruntimes = ["{ENGINES[0]}"]\ndrop_quantisation = true\n'
    )
    checked = toolkit("check", tmp_path / "parity.toml", "--json")
    assert checked.exit_code == 0, checked.stdout
    reports.append(json.loads(checked.stdout)["checks"][0]["report"])
    made = library.convert(path, tmp_path / "again", drop_quantisation=True)
    assert made.proven
    assert made.report is not None
    reports.append(made.report.to_json())
    for report in reports:
        assert report["verdict"] == "passed"
        assert report["rows"][0]["required_tolerance"] < 1e-5
        assert report["cost"] == reports[0]["cost"]
    assert (form == "dynamic") or 1e-4 < reports[0]["cost"]["outputs"]["y"] < 0.1
    assert toolkit("inspect", path, "--drop-quantisation").exit_code == 0


def test_without_the_flag_it_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = FORMS["qdq"](tmp_path / "net.onnx")
    (tmp_path / "parity.toml").write_text('models = ["net.onnx"]\nruntimes = ["opencv"]\n')
    for words in (("onnx-to-caffe", path), ("inspect", path), ("inspect", path, "--dialect", "all")):
        done = toolkit(*words)
        assert done.exit_code == 3
        assert done.stderr.count("\n") == 1
        assert "the network is quantised (QuantizeLinear 'x_QuantizeLinear' and " in done.stderr
        assert done.stderr.rstrip().endswith("(--drop-quantisation)")
    assert not (tmp_path / "net.prototxt").exists()
    assert (
        "the network is quantised"
        in json.loads(toolkit("check", tmp_path / "parity.toml", "--json").stdout)["checks"][0]["message"]
    )


def test_ranges_of_every_blob_are_written(tmp_path: Path) -> None:
    path = FORMS["qdq"](tmp_path / "q.onnx")
    done = convert_file(path, tmp_path / "net", drop_quantisation=True)
    held = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    found = json.loads((tmp_path / "net.ranges.json").read_text())
    rows = {row["value"]: row for row in found["blobs"]}
    scale, zero = float(held["l_scale"]), int(held["l_zero_point"])
    assert (rows["l"]["scale"], rows["l"]["zero_point"], rows["l"]["bits"]) == (scale, zero, 8)
    assert (rows["l"]["min"], rows["l"]["max"]) == (scale * (0 - zero), scale * (255 - zero))
    blobs = {top for layer in text.read(tmp_path / "net.prototxt").layers for top in layer.tops}
    assert {row["name"] for row in rows.values()} <= blobs
    assert {value: done.names[value] for value in rows} == {value: row["name"] for value, row in rows.items()}
    assert {"x", "r1/relu", "l", "m", "k", "y"} <= rows.keys()
    assert (tmp_path / "net.ranges.txt").read_text().count("blob {") == len(rows)
    assert f'  name: "{done.blobs["l"]}"\n' in (tmp_path / "net.ranges.txt").read_text()


def test_ranges_go_with_the_files_they_belong_to(tmp_path: Path) -> None:
    """All files or none; what an engine refutes is kept as .failed, the table among it."""
    path = FORMS["qdq"](tmp_path / "q.onnx")

    def refute(*files: object) -> None:
        raise Refuted("no")

    with pytest.raises(Refuted):
        convert_file(path, tmp_path / "net", drop_quantisation=True, check=refute)
    made = {file.name for file in tmp_path.glob("net*")}
    assert made == {f"net.failed.{kind}" for kind in ("prototxt", "caffemodel", "ranges.json", "ranges.txt")}


# --- hand-made graphs ---


def model(
    nodes: list[Node], constants: dict[str, Any], shape: tuple[int, ...] = (1, 2, 4, 4), **kinds: Any
) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("x", kinds.get("x", TensorProto.FLOAT), shape)]
    outputs = [helper.make_tensor_value_info("y", kinds.get("y", TensorProto.FLOAT), None)]
    held = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, held)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def pair(value: str, grid: str, made: str) -> list[Node]:
    names = [f"{grid}_s", f"{grid}_z"]
    return [
        helper.make_node("QuantizeLinear", [value, *names], [f"{made}_q"]),
        helper.make_node("DequantizeLinear", [f"{made}_q", *names], [made]),
    ]


def grid(name: str, scale: float, zero: np.generic) -> dict[str, Any]:
    return {f"{name}_s": np.float32(scale), f"{name}_z": np.asarray(zero)}


WEIGHTS = {"w": np.random.default_rng(1).normal(size=(2, 2, 1, 1)).astype(np.float32)}
CONV = helper.make_node("Conv", ["x", "w"], ["c"])
LAST = helper.make_node("Conv", ["d", "w"], ["y"])
STARTS = grid("g", 0.1, np.uint8(0))
MIDDLE = grid("g", 0.1, np.uint8(100))


def dropped(proto: onnx.ModelProto, folder: Path) -> tuple[list[str], Dropped]:
    found = drop_quantisation(proto, folder / "net.onnx")
    return [node.op_type for node in proto.graph.node], found


@pytest.mark.parametrize(
    ("nodes", "constants", "want", "kept"),
    [
        ([CONV, *pair("c", "g", "d"), LAST], STARTS, ["Conv", "Relu", "Conv"], 1),
        ([CONV, *pair("c", "g", "d"), LAST], grid("g", 0.1, np.int8(-128)), ["Conv", "Relu", "Conv"], 1),
        ([CONV, *pair("c", "g", "d"), LAST], grid("g", 6 / 255, np.uint8(0)), ["Conv", "Clip", "Conv"], 1),
        ([CONV, *pair("c", "g", "d"), LAST], MIDDLE, ["Conv", "Conv"], 0),
        ([CONV, *pair("c", "g", "d"), LAST], grid("g", 0.1, np.int8(0)), ["Conv", "Conv"], 0),
        (
            [CONV, helper.make_node("Relu", ["c"], ["r"]), *pair("r", "g", "d"), LAST],
            STARTS,
            ["Conv", "Relu", "Conv"],
            0,
        ),
        (
            [
                CONV,
                helper.make_node("Sigmoid", ["c"], ["r"]),
                helper.make_node("MaxPool", ["r"], ["m"], kernel_shape=[2, 2]),
                *pair("m", "g", "d"),
                LAST,
            ],
            STARTS,
            ["Conv", "Sigmoid", "MaxPool", "Conv"],
            0,
        ),
        ([*pair("x", "g", "d"), LAST], STARTS, ["Conv"], 0),  # an image: no layer before it could have had a ReLU
        ([CONV, *pair("c", "g", "y")], STARTS, ["Conv", "Relu"], 1),
    ],
    ids=["uint8", "int8", "six", "middle", "symmetric", "relu_before", "sigmoid_pool", "input", "output"],
)
def test_a_range_that_begins_at_zero_is_a_relu(
    nodes: list[Node], constants: dict[str, Any], want: list[str], kept: int, tmp_path: Path
) -> None:
    proto = model(nodes, {**WEIGHTS, **constants})
    feeds = {"x": np.random.default_rng(0).uniform(-1, 1, (1, 2, 4, 4)).astype(np.float32)}
    if want == ["Conv"]:
        feeds = {"x": np.abs(feeds["x"])}
    before = run(proto, tmp_path, feeds)["y"]
    kinds, found = dropped(proto, tmp_path)
    assert kinds == want
    assert len(found.kept) == kept
    assert np.abs(run(proto, tmp_path, feeds)["y"] - before).max() < 0.3  # three steps of the grid


def test_integers_are_moved_as_the_numbers_they_stand_for(tmp_path: Path) -> None:
    """Pooled and transposed by onnxruntime, which computes with integers; the ends are integers too."""
    names = ["g_s", "g_z"]
    nodes = [
        helper.make_node("QLinearConv", ["x", *names, "w_quantized", "v_s", "v_z", *names], ["c_quantized"]),
        helper.make_node("MaxPool", ["c_quantized"], ["m_quantized"], kernel_shape=[2, 2], pads=[1, 1, 0, 0]),
        helper.make_node("Transpose", ["m_quantized"], ["t_quantized"], perm=[0, 1, 3, 2]),
        helper.make_node("QLinearConv", ["t_quantized", *names, "w_quantized", "v_s", "v_z", "h_s", "h_z"], ["y"]),
    ]
    constants = {**MIDDLE, **grid("h", 0.5, np.uint8(128)), **grid("v", 0.02, np.uint8(120))}
    constants["w_quantized"] = np.random.default_rng(2).integers(110, 131, (2, 2, 1, 1)).astype(np.uint8)
    proto = model(nodes, constants, x=TensorProto.UINT8, y=TensorProto.UINT8)
    integers = np.random.default_rng(0).integers(0, 255, (1, 2, 4, 4)).astype(np.uint8)
    whole = run(proto, tmp_path, {"x": integers})["y"].astype(np.float32)
    _, found = dropped(proto, tmp_path)
    assert (found.inputs, found.outputs) == (("x",), ("y",))
    assert "input 'x' is of numbers now, not of integers" in found.sentence
    got = run(proto, tmp_path, {"x": (integers.astype(np.float32) - 100) * np.float32(0.1)})["y"]
    assert np.abs(got - 0.5 * (whole - 128)).max() <= 0.3


REFUSED = {
    "another_scale": (
        [
            CONV,
            helper.make_node("QuantizeLinear", ["c", "g_s", "g_z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "h_s", "h_z"], ["d"]),
            LAST,
        ],
        "with another scale or zero point",
    ),
    "computed_scale": (
        [
            CONV,
            helper.make_node("ReduceMax", ["x"], ["s"], keepdims=0),
            helper.make_node("QuantizeLinear", ["c", "s", "g_z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "g_z"], ["y"]),
        ],
        "its scale is computed by the network",
    ),
    "unknown": (
        [
            CONV,
            helper.make_node("QuantizeLinear", ["c", "g_s", "g_z"], ["q"]),
            helper.make_node("QLinearWhere", ["q", "q", "g_s", "g_z"], ["o"], domain="com.microsoft"),
            helper.make_node("DequantizeLinear", ["o", "g_s", "g_z"], ["y"]),
        ],
        "no float form is known",
    ),
    "channels_last": (
        [
            CONV,
            helper.make_node("QuantizeLinear", ["c", "g_s", "g_z"], ["q"]),
            helper.make_node(
                *("QLinearAveragePool", ["q", "g_s", "g_z", "g_s", "g_z"], ["o"]),
                domain="com.microsoft", kernel_shape=[2, 2], channels_last=1,
            ),
            helper.make_node("DequantizeLinear", ["o", "g_s", "g_z"], ["y"]),
        ],
        "its channels come last",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_stands_for_no_float_operator_is_named(case: str, tmp_path: Path) -> None:
    nodes, reason = REFUSED[case]
    onnx.save(model(nodes, {**WEIGHTS, **MIDDLE, **grid("h", 0.3, np.uint8(100))}), tmp_path / "net.onnx")
    with pytest.raises(ConversionError) as found:
        convert_file(tmp_path / "net.onnx", tmp_path / "out", drop_quantisation=True)
    (problem,) = found.value.problems  # and what stands behind it is not blamed
    assert reason in problem.reason
    assert not list(tmp_path.glob("out*"))


def test_weights_alone_need_no_flag(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("DequantizeLinear", ["w_quantized", "v_s", "v_z"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"]),
    ]
    constants = {**grid("v", 0.02, np.int8(0)), "w_quantized": np.ones((2, 2, 1, 1), np.int8)}
    onnx.save(model(nodes, constants), tmp_path / "net.onnx")
    done = convert_file(tmp_path / "net.onnx", tmp_path / "out")
    assert done.dropped == ""
    assert not (tmp_path / "out.ranges.json").exists()
