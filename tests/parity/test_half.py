"""A model in half precision is judged by its own weights in float32, by every command alike."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import CliRunner, Result
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from converters.caffe import files
from toolkit import runners
from toolkit.cli import main
from toolkit.parity.localise.graphs import read_caffe
from toolkit.parity.targets import in_float32, parse
from toolkit.runners.base import RUNTIMES, Target

ENGINES = [name for name in ("opencv", "caffe") if not runners.available()[name]]
needs_engine = pytest.mark.skipif(not ENGINES, reason="no Caffe engine is installed (toolkit engines)")
Make = Callable[[Path], Path]


def float32_net() -> onnx.ModelProto:
    """Two convolutions, a clip, a sum and a classifier; its numbers are those that float16 rounds by 3e-4."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 8, 3, 3), "b2": (8,), "w3": (5, 8)}
    weights = {name: rng.normal(size=shape).astype(np.float32) / 3 for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c2", "low", "high"], ["k"]),
        helper.make_node("Add", ["r1", "k"], ["s"]),
        helper.make_node("GlobalAveragePool", ["s"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "w3"], ["y"], transB=1),
    ]
    constants = {**weights, "low": np.float32(0), "high": np.float32(6)}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def half(path: Path) -> Path:
    onnx.save(convert_float_to_float16(float32_net(), disable_shape_infer=True), path)
    return path


def half_inside(path: Path) -> Path:
    """Inputs and outputs stay float32; onnxruntime's converter puts the Casts at the end of the file."""
    known = onnx.shape_inference.infer_shapes(float32_net())
    made = convert_float_to_float16(known, keep_io_types=True, disable_shape_infer=True, op_block_list=["Gemm"])
    kinds = [node.op_type for node in made.graph.node]
    assert "Cast" in kinds[kinds.index("Gemm") :], "the nodes are sorted: this is no case of ours"
    onnx.save(made, path)
    return path


def from_torch(path: Path) -> Path:
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(
        *(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.BatchNorm2d(8), torch.nn.ReLU()),
        *(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5)),
    )
    net.eval().half()
    example = torch.rand(1, 3, 8, 8, dtype=torch.float16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns about itself
        torch.onnx.export(net, (example,), str(path), dynamo=True, input_names=["x"], output_names=["y"], verbose=False)
    return path


def toolkit(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@needs_engine
@pytest.mark.parametrize("make", [half, half_inside, from_torch])
def test_every_command_says_the_same(make: Make, tmp_path: Path) -> None:
    model = make(tmp_path / "net.onnx")
    done = toolkit("onnx-to-caffe", model, "--json", "--strict")
    assert done.exit_code == 0, done.stderr
    assert "half precision itself: " in done.stderr
    found = [json.loads(done.stdout)["parity"]]
    prototxt = tmp_path / "net.prototxt"
    caffe, page = f"{ENGINES[0]}:{prototxt}", tmp_path / "report.html"
    for pair in ((model, caffe), (caffe, model)):
        compared = toolkit("parity", *pair, "--layers", "--json", *(["--report", page] if pair[0] is model else []))
        found.append(json.loads(compared.stdout))
        assert all(layer["status"] == "passed" for row in found[-1]["rows"] for layer in row["layers"]["layers"])
    assert "half precision itself: " in page.read_text()
    (tmp_path / "parity.toml").write_text(f'models = ["net.onnx"]\nruntimes = ["{ENGINES[0]}"]\n')
    checked = toolkit("check", tmp_path / "parity.toml", "--json")
    assert checked.exit_code == 0, checked.stdout
    found.append(json.loads(checked.stdout)["checks"][0]["report"])
    for report in found:
        assert [row["verdict"] for row in report["rows"]] == ["passed"] * len(report["rows"])
        assert max(row["required_tolerance"] for row in report["rows"]) < 1e-5
    costs = [report["cost"] for report in (found[0], found[1], found[3])]
    assert costs[0] == costs[1] == costs[2]
    assert 1e-4 < costs[0]["outputs"]["y"] < 1e-2, "half precision costs too little here to be a test"


@needs_engine
def test_a_fault_is_found_where_it_is(tmp_path: Path) -> None:
    """Half precision is no excuse: one weight that is wrong by less than it costs as a whole is named."""
    model = half(tmp_path / "net.onnx")
    assert toolkit("onnx-to-caffe", model).exit_code == 0
    pair = tmp_path / "net.prototxt", tmp_path / "net.caffemodel"
    net = read_caffe(*pair)
    _, second = (layer for layer in net.layers if layer.type == "Convolution")
    weights = np.array(second.blobs[0])
    weights[3, 2, 1, 1] += np.float32(0.01)
    wrong = replace(second, blobs=(weights, *second.blobs[1:]))
    planted = tmp_path / "wrong.prototxt", tmp_path / "wrong.caffemodel"
    files.write(replace(net, layers=tuple(wrong if layer is second else layer for layer in net.layers)), *planted)
    options = ("--layers", "--json", "--map", tmp_path / "net.map.json", "--repro", tmp_path / "repro")
    done = toolkit("parity", model, f"{ENGINES[0]}:{planted[0]}", *options)
    assert done.exit_code == 1
    (row,) = json.loads(done.stdout)["rows"]
    assert row["layers"]["first_fault"]["value"] in ("c2", "k")
    part = onnx.load(next((tmp_path / "repro").rglob("net.onnx")))
    assert {tensor.data_type for tensor in part.graph.initializer} <= {TensorProto.FLOAT, TensorProto.INT64}
    readme = next((tmp_path / "repro").rglob("README.md")).read_text()
    assert "toolkit parity net.onnx" in readme


def test_files_without_a_caffe_net_are_run_as_they_are(tmp_path: Path) -> None:
    """Who compares a model with its half wants to know what half precision does."""
    onnx.save(float32_net(), tmp_path / "whole.onnx")
    model = half(tmp_path / "net.onnx")
    done = toolkit("parity", tmp_path / "whole.onnx", model, "--json")
    (row,) = json.loads(done.stdout)["rows"]
    assert row["required_tolerance"] > 1e-4
    done = toolkit("parity", tmp_path / "whole.onnx", f"onnxruntime:{model},precision=float32", "--json")
    assert "half precision read in float32" in json.loads(done.stdout)["rows"][0]["version"]


def test_bfloat16_is_read_and_its_cost_said_to_be_unknown(tmp_path: Path) -> None:
    """onnxruntime has no such kernels on a CPU."""
    model = float32_net()
    for tensor in model.graph.initializer:
        array = numpy_helper.to_array(tensor)
        kind = TensorProto.BFLOAT16
        tensor.CopyFrom(helper.make_tensor(tensor.name, kind, array.shape, array.reshape(-1)))
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.elem_type = TensorProto.BFLOAT16
    onnx.save(model, tmp_path / "net.onnx")
    done = toolkit("onnx-to-caffe", tmp_path / "net.onnx", "--strict")
    if ENGINES:
        assert done.exit_code == 0, done.stderr
        assert "half precision itself: not measured (" in done.stderr


def test_the_reference_is_the_file_with_its_weights_widened(tmp_path: Path) -> None:
    """Against numbers that were widened by other means: the float32 model with its weights rounded to float16."""
    model = float32_net()
    for tensor in model.graph.initializer:
        rounded = numpy_helper.to_array(tensor).astype(np.float16).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(rounded, tensor.name))
    onnx.save(model, tmp_path / "rounded.onnx")
    (subject,) = parse(str(half(tmp_path / "net.onnx")), RUNTIMES)
    target = in_float32(subject).target
    assert isinstance(target, Target)
    feeds = {"x": np.random.default_rng(1).random((1, 3, 8, 8), np.float32)}
    with runners.load("onnxruntime", target) as widened:
        got = widened.run(feeds)["y"]
    with runners.load("onnxruntime", Target(str(tmp_path / "rounded.onnx"))) as plain:
        np.testing.assert_array_equal(got, plain.run(feeds)["y"])


def test_external_weights_in_half_precision(tmp_path: Path) -> None:
    """They are read from beside the file."""
    made = convert_float_to_float16(float32_net(), disable_shape_infer=True)
    onnx.save(made, tmp_path / "net.onnx", save_as_external_data=True, size_threshold=0, location="net.data")
    done = toolkit("onnx-to-caffe", tmp_path / "net.onnx")
    assert done.exit_code == 0, done.stderr
    assert not ENGINES or "half precision itself: " in done.stderr
