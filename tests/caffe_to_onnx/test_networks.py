"""Whole networks, in every version of the format: the import computes what real Caffe computes from the same files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.caffe import files, text
from converters.caffe.net import Net
from converters.caffe.phase import for_inference
from converters.caffe.schema import message
from converters.caffe_to_onnx import convert, convert_file
from converters.caffe_to_onnx.registry import Blobs
from converters.errors import ConversionError, InvalidInput
from tests.caffe_to_onnx.networks import LENET, NETWORKS, V0, V1, layer
from tests.caffe_to_onnx.running import assert_close, caffe, imported, seeded
from tests.runners import files as writer
from tests.runners.conftest import need


def weights(net: Net, monkeypatch: pytest.MonkeyPatch) -> dict[str, list[np.ndarray]]:
    """Random weights in the shapes that the importer asks for, small enough that no layer saturates."""
    made: dict[str, list[np.ndarray]] = {}

    def take(self: Blobs, *shapes: tuple[int, ...]) -> tuple[np.ndarray, ...]:
        name = self.layer.name
        size = np.float32(2 / np.sqrt(np.prod(shapes[0][1:])))
        low = -1 if len(shapes[0]) > 1 else 0.1  # variances and factors are above 0
        made[name] = [seeded(f"{name}{at}", shape, low, 1) * size for at, shape in enumerate(shapes)]
        return tuple(made[name])

    with monkeypatch.context() as patched:
        patched.setattr(Blobs, "take", take)
        convert(net)
    return made


def written(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path, Net]:
    prototxt = folder / "net.prototxt"
    prototxt.write_text(source)
    net = text.read(prototxt)
    return prototxt, writer.caffemodel(folder / "net.caffemodel", weights(net, monkeypatch)), net


@pytest.mark.parametrize("name", NETWORKS)
def test_network(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need("caffe")
    prototxt, caffemodel, net = written(NETWORKS[name], tmp_path, monkeypatch)
    whole = name == "char-lstm"
    fed = {
        blob: seeded(blob, shape, 0, 9 if blob == "data" and whole else 1, whole) for blob, shape in net.inputs.items()
    }
    want = caffe(prototxt, caffemodel, net.outputs, fed)
    assert all(np.ptp(array) > 1e-3 for array in want.values()), "the outputs are flat, which proves nothing"
    assert_close(imported(prototxt, caffemodel, fed), want)


def old_weights(version: str, made: dict[str, list[np.ndarray]]) -> bytes:
    """The weights as files of 2013 and 2014 have them: in `layers`, with four axes."""
    proto = message("NetParameter")()
    for name, arrays in made.items():
        item = proto.layers.add()
        item = item.layer if version == "v0" else item
        item.name = name
        for array in arrays:
            n, c, h, w = (1,) * (4 - array.ndim) + array.shape
            item.blobs.add(num=n, channels=c, height=h, width=w, data=array.ravel())
    return bytes(proto.SerializeToString())


@pytest.mark.parametrize("version", ["v0", "v1"])
def test_weights_of_old_files(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prototxt, new, net = written({"v0": V0, "v1": V1}[version], tmp_path, monkeypatch)
    old = tmp_path / "old.caffemodel"
    old.write_bytes(
        old_weights(version, {one.name: list(one.blobs) for one in files.read(prototxt, new).layers if one.blobs})
    )
    fed = {"data": seeded("data", net.inputs["data"], 0, 1)}
    want = imported(prototxt, new, fed)
    assert_close(imported(prototxt, old, fed), want, 0)
    if version == "v1":
        need("caffe")
        assert_close(want, caffe(prototxt, old, ("prob",), fed))


TRAIN_VAL = (
    layer(
        "Data",
        "data",
        "",
        "data label",
        'include { phase: TRAIN } data_param { source: "no" batch_size: 4 backend: LMDB }',
    )
    + layer(
        "Data",
        "data",
        "",
        "data label",
        'include { phase: TEST } data_param { source: "no" batch_size: 4 backend: LMDB }',
    )
    + LENET.partition("}\n")[0].partition("layer")[1]
    + LENET.partition("layer")[2].replace(layer("Softmax", "prob", "ip2"), "")
    + layer("SoftmaxWithLoss", "loss", "ip2 label")
    + layer("Accuracy", "accuracy", "ip2 label", "", "include { phase: TEST }")
    + layer("Python", "watch", "ip2", "watched", 'include { phase: TRAIN } python_param { module: "m" layer: "L" }')
)


def test_a_training_file_becomes_what_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The data layer is an input, labels and accuracy are gone, the loss is the softmax in it."""
    need("caffe")
    deploy, caffemodel, _ = written(LENET, tmp_path, monkeypatch)
    fed = {"data": seeded("data", (2, 1, 28, 28), 0, 1)}
    want = caffe(deploy, caffemodel, ("prob",), fed)["prob"]
    trained = tmp_path / "train_val.prototxt"
    trained.write_text(TRAIN_VAL)
    got = imported(trained, caffemodel, fed, input_shapes={"data": (2, 1, 28, 28)})
    assert_close(got, {"loss": want})
    with pytest.raises(ConversionError, match="has no shape for 'data'"):
        convert(files.read(trained, caffemodel))


def test_rules_of_phase_level_and_stage(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    rules = {
        "a": "",
        "b": "include { phase: TRAIN }",
        "c": "include { phase: TEST not_stage: 'deploy' }",
        "d": "include { stage: 'deploy' }",
        "e": "exclude { phase: TEST }",
        "f": "include { min_level: 1 } include { phase: TEST max_level: 0 }",
    }
    path.write_text(
        'input: "x" input_dim: [1, 2, 3, 4] '
        + "".join(layer("ReLU", name, "x", "", rule) for name, rule in rules.items())
    )
    assert for_inference(text.read(path)).outputs == ("a", "c", "f")


def test_shared_weights_and_weights_that_stand_inline(tmp_path: Path) -> None:
    need("caffe")
    path = tmp_path / "net.prototxt"
    scale = 'param {{ name: "w" }} scale_param {{ filler {{ value: 3 }} }}{}'.format
    path.write_text(
        'input: "x" input_dim: [1, 2, 3, 4] '
        + layer("Scale", "one", "x", "", scale(""))
        + layer("Scale", "two", "one", "", scale(""))
    )
    caffemodel = writer.caffemodel(tmp_path / "net.caffemodel", {"one": [np.float32([2, 5])]})
    fed = {"x": seeded("x", (1, 2, 3, 4), -1, 1)}
    assert_close(imported(path, caffemodel, fed), caffe(path, caffemodel, ("two",), fed))
    inline = "blobs { shape { dim: 2 } data: 2 data: 5 }"
    path.write_text('input: "x" input_dim: [1, 2, 3, 4] ' + layer("Scale", "two", "x", "", inline))
    assert_close(imported(path, None, fed), {"two": fed["x"] * np.float32([2, 5]).reshape(1, 2, 1, 1)})


NET = 'input: "x" input_dim: [1, 2, 6, 6] '
BROKEN = {
    "a cycle": (layer("ReLU", "a", "b") + layer("ReLU", "b", "a"), "which only a later layer makes"),
    "a missing blob": (layer("ReLU", "a", "y"), "reads the blob 'y', which no layer makes"),
    "one blob twice": (layer("ReLU", "a", "x", "y") + layer("TanH", "b", "x", "y"), "'y', which is made already"),
    "in place where it can't": (
        layer("Pooling", "p", "x", "x", "pooling_param { kernel_size: 1 }"),
        "while it still reads it",
    ),
    "memory changed behind": (
        layer("Flatten", "f", "x") + layer("ReLU", "r", "f", "f") + layer("TanH", "t", "x"),
        "whose memory a layer in place has changed",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_no_caffe_could_run(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(NET + BROKEN[name][0])
    with pytest.raises(InvalidInput, match=BROKEN[name][1]):
        convert_file(path, None, tmp_path / "out.onnx")
    assert not (tmp_path / "out.onnx").exists()


def test_every_blocker_at_once(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        NET
        + layer("Python", "p", "x", "", 'python_param { module: "rpn" layer: "Proposal" }')
        + layer("Mystery", "m", "x")
        + layer("Convolution", "c", "x", "", "convolution_param { num_output: 2 kernel_size: 3 }")
        + layer("ReLU", "r", "x", "", "relu_param { strange: 1 }")
        + layer("Pooling", "odd", "x", "", "pooling_param { kernel_size: 2 } mystery_param { a: 1 }")
    )
    with pytest.raises(ConversionError) as caught:
        convert_file(path, None, tmp_path / "out.onnx")
    reasons = {problem.name: problem.reason for problem in caught.value.problems}
    assert reasons == {
        "p": "runs Python code, rpn.Proposal, which the file does not hold",
        "m": "no ONNX form of the layer type Mystery is known",
        "c": "has no weights",
        "r": "sets strange in relu_param, which is not known there",
        "odd": "has parameters that its type does not take: mystery_param",
    }
