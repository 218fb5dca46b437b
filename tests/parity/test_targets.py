from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.errors import ToolkitError
from toolkit.parity.parity import Subject
from toolkit.parity.run import Run, save
from toolkit.parity.targets import only, parse, parse_reference
from toolkit.runners.base import Runtime, Target

RUNTIMES = {
    name: Runtime(name, lambda target: pytest.fail("nothing is started"), reads, lambda missing=missing: missing)
    for name, reads, missing in [
        ("onnxruntime", (".onnx",), ""),
        ("opencv", (".prototxt", ".onnx"), ""),
        ("caffe", (".prototxt",), ""),
        ("ncnn", (".prototxt",), "ncnn is not installed"),
        ("torch", (), ""),
    ]
}


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("net.onnx", "net.prototxt", "net.caffemodel", "other.caffemodel", "bare.prototxt", "weights.pth"):
        Path(name).write_text("layer {}\n")


def parsed(text: str) -> list[tuple[str, Target]]:
    return [(one.runtime, one.target) for one in parse(text, RUNTIMES)]


PROTOTXT = Target("net.prototxt", Path("net.caffemodel"))


@pytest.mark.parametrize(
    "text, expected",
    [
        ("net.onnx", [("onnxruntime", Target("net.onnx"))]),
        ("opencv:net.onnx", [("opencv", Target("net.onnx"))]),
        ("caffe:net.prototxt", [("caffe", PROTOTXT)]),
        ("net.prototxt", [("opencv", PROTOTXT), ("caffe", PROTOTXT), ("ncnn", PROTOTXT)]),
        ("caffe:net.prototxt,other.caffemodel", [("caffe", Target("net.prototxt", Path("other.caffemodel")))]),
        ("caffe:bare.prototxt,net.caffemodel", [("caffe", Target("bare.prototxt", Path("net.caffemodel")))]),
        ("torch:shufflenet_v2_x0.5", [("torch", Target("shufflenet_v2_x0.5"))]),
        ("torch:torchvision:resnet18", [("torch", Target("torchvision:resnet18"))]),
        (
            "torch:file.py:make,weights.pth,num_classes=10",
            [("torch", Target("file.py:make", Path("weights.pth"), options={"num_classes": "10"}))],
        ),
    ],
)
def test_what_a_target_means(text: str, expected: list[tuple[str, Target]]) -> None:
    assert parsed(text) == expected


def test_a_bare_prototxt_holds_absent_runtimes_against_nobody() -> None:
    assert [one.optional for one in parse("net.prototxt", RUNTIMES)] == [False, False, True]
    assert not parse("ncnn:net.prototxt", RUNTIMES)[0].optional  # asked for by name


@pytest.mark.parametrize(
    "text, message",
    [
        ("missing.onnx", "there is no file 'missing.onnx'"),
        ("caffe:missing.prototxt", "there is no file 'missing.prototxt'"),
        ("caffe:net.prototxt,missing.caffemodel", "there is no file 'missing.caffemodel'"),
        ("caffe:net.prototxt,net.caffemodel,other.caffemodel", "names 2 files of weights"),
        ("bare.prototxt", "'bare.prototxt' has no weights: bare.caffemodel is not there"),
        ("caffe:net.onnx", r"caffe can't run 'net.onnx': it reads \.prototxt"),
        ("torch:net.onnx", "torch can't run 'net.onnx': it reads models by name"),
        ("tvm:net.onnx", "unknown runtime 'tvm'; known: caffe, ncnn, onnxruntime, opencv, torch"),
        ("shufflenet", "can't tell how to run 'shufflenet'"),
        ("net.tflite", "can't tell how to run 'net.tflite'"),
        ("", "can't tell how to run ''"),
    ],
)
def test_what_can_not_be_run_is_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ToolkitError, match=message) as found:
        parse(text, RUNTIMES)
    assert found.value.exit_code == 2


def test_the_reference_is_one_engine() -> None:
    with pytest.raises(ToolkitError, match=r"2 runtimes: write opencv:net\.prototxt or caffe:net\.prototxt"):
        parse_reference("net.prototxt", RUNTIMES)
    only_caffe = {name: RUNTIMES[name] for name in ("caffe", "ncnn")}
    assert parse_reference("net.prototxt", only_caffe).runtime == "caffe"
    assert not parse_reference("net.prototxt", {"ncnn": RUNTIMES["ncnn"]}).optional


def test_outputs_get_the_names_that_each_side_has_for_them() -> None:
    caffe = Subject("caffe", PROTOTXT, names={"logits": "fc"})
    assert only(caffe, ["logits", "a b"]).target == Target("net.prototxt", Path("net.caffemodel"), ("fc", "a_b"))
    assert only(Subject("onnxruntime", Target("net.onnx")), ["a b"]).target == Target("net.onnx", outputs=("a b",))


def test_a_saved_run_keeps_the_chosen_outputs() -> None:
    outputs = ({"a": np.ones(1), "b": np.ones(2)},) * 2
    run = Run("caffe", "1.0", "net.onnx", ({"x": np.ones(1)},) * 2, outputs)
    save(run, Path("saved"))
    (found,) = parse("saved.json", RUNTIMES)
    assert found.runtime == "caffe"
    kept = only(found, ["b"]).target
    assert isinstance(kept, Run)
    assert [list(sample) for sample in kept.outputs] == [["b"], ["b"]]
    with pytest.raises(ToolkitError, match="has no output 'c' but a, b"):
        only(found, ["c"])
