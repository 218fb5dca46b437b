"""`onnx-to-caffe` and `convert`: what they write, what they say, and that nothing is half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import onnx
import pytest
from click.testing import Result
from onnx import TensorProto, helper, numpy_helper

from converters.onnx_to_caffe.lower import Lowered
from toolkit import runners
from toolkit.runners.base import RUNTIMES

Toolkit = Callable[..., Result]
HAS_ENGINE = any(not runners.available()[name] for name in ("opencv", "caffe"))


def model(path: Path, *nodes: onnx.NodeProto, shape: tuple[int | str, ...] = (1, 3, 6, 6), output: str = "y") -> Path:
    rng = np.random.default_rng(0)
    weights = {
        "w": rng.normal(size=(4, 3, 3, 3)).astype(np.float32),
        "b": rng.normal(size=4).astype(np.float32),
    }
    graph = helper.make_graph(
        list(nodes) or [helper.make_node("Conv", ["x", "w", "b"], ["c"]), helper.make_node("Relu", ["c"], ["y"])],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def one_error(done: Result, code: int, *words: str) -> None:
    assert done.exit_code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("error: ")
    for word in words:
        assert word in done.stderr


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_writes_both_files_and_the_proof(toolkit: Toolkit, tmp_path: Path) -> None:
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--json")
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["outputs"] == {"y": "y"}
    assert found["parity"]["verdict"] == "passed"
    assert {"net.caffemodel", "net.onnx", "net.prototxt"} <= set(files(tmp_path))
    assert "verified: passed" in done.stderr


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_verifies_on_what_it_is_given(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    np.save(tmp_path / "x.npy", np.full((1, 3, 6, 6), 7, np.float32))
    for options in (["--range", "x=-3,3"], ["--input", f"x={tmp_path / 'x.npy'}"]):
        done = toolkit("onnx-to-caffe", path, *options, "--json")
        assert done.exit_code == 0, done.stderr
        assert json.loads(done.stdout)["parity"]["verdict"] == "passed"
    one_error(toolkit("onnx-to-caffe", path, "--range", "z=0,1"), 2, "a range is given for input 'z'")


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_a_proof_that_proves_nothing_asks_for_better_inputs(toolkit: Toolkit, tmp_path: Path) -> None:
    """An output that is the same for every input can't be proven, as a whole or in steps."""
    path = model(tmp_path / "net.onnx", helper.make_node("Sub", ["x", "x"], ["y"]))
    done = toolkit("onnx-to-caffe", path)
    assert done.exit_code == 0, done.stderr
    assert "not proven: insensitive" in done.stderr
    assert "--image, --input or --range" in done.stderr
    assert toolkit("onnx-to-caffe", path, "--strict").exit_code == 1
    assert (tmp_path / "net.prototxt").is_file()


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_inputs_that_saturate_the_network_are_proven_in_steps(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx", helper.make_node("Sigmoid", ["x"], ["y"]))
    done = toolkit("onnx-to-caffe", path, "--range", "x=40,50", "--strict")
    assert done.exit_code == 0, done.stderr
    assert "verified: passed in steps" in done.stderr
    assert "proven in 1 steps" in done.stderr


@pytest.mark.parametrize("option", ["--no-verify", "--prototxt-only"])
def test_strict_is_no_pass_where_nothing_ran(toolkit: Toolkit, tmp_path: Path, option: str) -> None:
    assert toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), option, "--strict").exit_code == 1


def test_twice_the_same_bytes(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    for prefix in ("a", "b"):
        assert toolkit("onnx-to-caffe", path, "-o", tmp_path / prefix, "--no-verify").exit_code == 0
    for suffix in (".prototxt", ".caffemodel"):
        assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


def test_what_was_not_verified_says_why(toolkit: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = model(tmp_path / "net.onnx")
    assert "not verified: --no-verify was given" in toolkit("onnx-to-caffe", path, "--no-verify").stderr
    assert "not verified: --prototxt-only was given" in toolkit("onnx-to-caffe", path, "--prototxt-only").stderr
    missing = {"opencv": "OpenCV is not installed", "caffe": "real Caffe is not found"}
    monkeypatch.setattr(runners, "available", lambda: missing)
    done = toolkit("onnx-to-caffe", path)
    assert done.exit_code == 0
    assert "not verified: no engine that runs this dialect is installed" in done.stderr
    assert "(OpenCV is not installed; real Caffe is not found)" in done.stderr


def test_prototxt_only(toolkit: Toolkit, tmp_path: Path) -> None:
    assert toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--prototxt-only").exit_code == 0
    assert "net.caffemodel" not in files(tmp_path)
    assert "net.prototxt" in files(tmp_path)


def test_all_blockers_at_once_and_nothing_written(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(
        tmp_path / "net.onnx",
        helper.make_node("Det", ["x"], ["d"], name="first"),
        helper.make_node("Sin", ["x"], ["s"], name="second"),
        helper.make_node("ReduceSum", ["s"], ["r"], keepdims=0),
        helper.make_node("Add", ["d", "r"], ["y"]),
    )
    done = toolkit("onnx-to-caffe", path)
    one_error(done, 3, "Det 'first'", "Sin 'second'")
    assert files(tmp_path) == ["net.onnx"]
    done = toolkit("onnx-to-caffe", path, "--json")
    assert {problem["op"] for problem in json.loads(done.stdout)["problems"]} == {"Det", "Sin"}


@pytest.mark.parametrize("cut", [0, 1, 10, 100])
def test_truncated_onnx(toolkit: Toolkit, tmp_path: Path, cut: int) -> None:
    path = model(tmp_path / "net.onnx")
    path.write_bytes(path.read_bytes()[: cut or None][: -20 if not cut else None])
    one_error(toolkit("onnx-to-caffe", path), 4, str(path))
    assert files(tmp_path) == ["net.onnx"]


def test_not_onnx_at_all(toolkit: Toolkit, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("hello, world")
    one_error(toolkit("onnx-to-caffe", path), 4)


def test_dynamic_input_asks_for_its_shape(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx", shape=("batch", 3, "h", "w"))
    one_error(toolkit("onnx-to-caffe", path), 3, "input 'x'", "(--input-shape x:1,3,224,224)")
    signal = model(tmp_path / "signal.onnx", helper.make_node("Relu", ["x"], ["y"]), shape=(2, "batch", "t"))
    one_error(toolkit("onnx-to-caffe", signal), 3, "(2,batch,t)", "(--input-shape x:2,1,16)")
    done = toolkit("onnx-to-caffe", path, "--input-shape", "x:1,3,8,9", "--no-verify")
    assert done.exit_code == 0, done.stderr
    assert "[1, 4, 6, 7]" in done.stderr
    one_error(toolkit("onnx-to-caffe", path, "--input-shape", "x:1,4,8,9"), 2, "does not fit")
    one_error(toolkit("onnx-to-caffe", path, "--input-shape", "z:1,3,8,9"), 2, "no input 'z'")


def test_a_dynamic_batch_is_one(toolkit: Toolkit, tmp_path: Path) -> None:
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx", shape=("batch", 3, 6, 6)), "--no-verify")
    assert done.exit_code == 0, done.stderr
    assert "[1, 4, 4, 4]" in done.stderr


def test_cut_at_a_value(toolkit: Toolkit, tmp_path: Path) -> None:
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--output", "c", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["layers"] == {"Convolution": 1, "Input": 1}
    one_error(toolkit("onnx-to-caffe", tmp_path / "net.onnx", "--output", "cc"), 2, "no node makes 'cc'", "near: c")


def test_a_node_that_is_asked_for_as_an_output_is_answered_with_its_value(toolkit: Toolkit, tmp_path: Path) -> None:
    conv = helper.make_node("Conv", ["x", "w", "b"], ["c"], name="/head/Conv")
    path = model(tmp_path / "net.onnx", conv, helper.make_node("Relu", ["c"], ["y"]))
    one_error(toolkit("onnx-to-caffe", path, "--output", "/head/Conv"), 2, "is the name of a node", "it makes 'c'")


def test_an_input_that_is_not_there_is_answered_with_the_inputs(toolkit: Toolkit, tmp_path: Path) -> None:
    """Not with the weights, which travel as inputs inside."""
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--input-shape", "z:1,3,8,9")
    one_error(done, 2, "no input 'z' to give a shape (it has: x)")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_unwritable_folder(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    (tmp_path / "closed").mkdir(mode=0o500)
    one_error(toolkit("onnx-to-caffe", path, "-o", tmp_path / "closed" / "net"), 2, "cannot be written")


def test_missing_folder_is_made(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    assert toolkit("onnx-to-caffe", path, "-o", tmp_path / "new" / "er" / "net", "--no-verify").exit_code == 0
    assert (tmp_path / "new" / "er" / "net.prototxt").is_file()
    (tmp_path / "taken").write_text("a file")
    one_error(toolkit("onnx-to-caffe", path, "-o", tmp_path / "taken" / "net"), 2, "cannot be written")


def test_unknown_dialect(toolkit: Toolkit, tmp_path: Path) -> None:
    one_error(toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--dialect", "caffe3"), 2, "portable", "bvlc")


def test_external_data_outside_the_folder_is_refused(toolkit: Toolkit, tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(4 * 4 * 27))
    inside = tmp_path / "model"
    inside.mkdir()
    path = model(inside / "net.onnx")
    proto = onnx.load(path)
    weight = proto.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = onnx.TensorProto.EXTERNAL
    for location in ("../secret.bin", str(secret), "link.bin"):
        del weight.external_data[:]
        weight.external_data.add(key="location", value=location)
        path.write_bytes(proto.SerializeToString())
        if location == "link.bin":
            (inside / "link.bin").symlink_to(secret)
        one_error(toolkit("onnx-to-caffe", path), 4, "outside the model's folder")
        assert not (inside / "net.prototxt").exists()


def test_external_data_inside_is_read(toolkit: Toolkit, tmp_path: Path) -> None:
    path = model(tmp_path / "net.onnx")
    onnx.save(onnx.load(path), tmp_path / "big.onnx", save_as_external_data=True, location="big.data", size_threshold=0)
    assert toolkit("onnx-to-caffe", path, "--no-verify").exit_code == 0
    assert toolkit("onnx-to-caffe", tmp_path / "big.onnx", "--no-verify").exit_code == 0
    assert (tmp_path / "net.caffemodel").read_bytes() == (tmp_path / "big.caffemodel").read_bytes()
    data = (tmp_path / "big.data").read_bytes()
    (tmp_path / "big.data").write_bytes(data[:100])
    one_error(toolkit("onnx-to-caffe", tmp_path / "big.onnx"), 4, "past the end of 'big.data'")


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_a_mismatch_keeps_the_files_under_another_name(
    toolkit: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The converter is made to write other weights than the model has: the proof must notice."""
    module = import_module("converters.onnx_to_caffe.convert")
    honest = module.lower
    path = model(tmp_path / "net.onnx")
    monkeypatch.setattr(module, "lower", lambda model: _with_other_bias(honest(model)))
    one_error(toolkit("onnx-to-caffe", path), 1, "verdict failed", "net.failed")
    assert {"net.failed.caffemodel", "net.failed.prototxt"} <= set(files(tmp_path))
    assert not {"net.caffemodel", "net.prototxt"} & set(files(tmp_path))


def _with_other_bias(lowered: Lowered) -> Lowered:
    changed = tuple(
        replace(item, blobs=(item.blobs[0], np.asarray(item.blobs[1]) + 1)) if item.type == "Convolution" else item
        for item in lowered.net.layers
    )
    return replace(lowered, net=replace(lowered.net, layers=changed))


NET = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU())
"""


@pytest.fixture
def own_net(tmp_path: Path) -> str:
    """A PyTorch model as the command line names it."""
    (tmp_path / "own.py").write_text(NET)
    return f"{tmp_path / 'own.py'}:build"


@pytest.mark.skipif(not HAS_ENGINE, reason="no Caffe engine is installed")
def test_convert_says_of_each_half_what_is_proven(toolkit: Toolkit, tmp_path: Path, own_net: str) -> None:
    done = toolkit("convert", own_net, "--image-size", 8, "-o", tmp_path / "net", "--strict")
    assert done.exit_code == 0, done.stderr
    assert "verdict: passed" in done.stdout
    assert "PyTorch -> ONNX: verified: passed" in done.stderr
    assert "ONNX -> Caffe: verified: passed" in done.stderr


def test_convert_is_no_pass_where_no_caffe_file_was_run(
    toolkit: Toolkit, tmp_path: Path, own_net: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, runtime in list(RUNTIMES.items()):
        if ".prototxt" in runtime.reads:
            monkeypatch.setitem(RUNTIMES, name, replace(runtime, missing=lambda: "it is not here"))
    words = ("convert", own_net, "--image-size", 8, "-o", tmp_path / "net", "--dialect", "bvlc")
    done = toolkit(*words)
    assert done.exit_code == 0, done.stderr
    assert "verdict: not run" in done.stdout
    assert "PyTorch -> ONNX: verified: passed" in done.stderr
    assert "ONNX -> Caffe: not verified: no engine that runs this dialect is installed (it is not here)" in done.stderr
    assert json.loads(toolkit(*words, "--json").stdout)["parity"]["verdict"] == "not run"
    assert toolkit(*words, "--strict").exit_code == 1
