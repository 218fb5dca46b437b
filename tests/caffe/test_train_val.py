"""The files of `caffe train`: what they say, and that real Caffe trains on them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from google.protobuf import text_format

from converters.caffe import text
from converters.caffe.net import Layer, Net
from converters.caffe.schema import message
from converters.caffe.train_val import Training, solver, train_val, write
from converters.errors import ToolkitError
from converters.onnx_to_caffe import convert_file
from converters.preprocessing import Preprocessing
from toolkit import runners
from toolkit.export import export, save
from toolkit.models import create
from toolkit.runners.worker import caffe_engine

ROOT = Path(__file__).parents[2]
TRAINING = Training("train.lmdb", "val.lmdb", part=32)


def net(*layers: Layer, shape: tuple[int, ...] = (1, 3, 8, 8)) -> Net:
    """A net whose last layer gives the scores."""
    first = Layer("Input", "data", (), ("data",), {"input_param": {"shape": [{"dim": list(shape)}]}})
    return Net("net", (first, *layers), layers[-1].tops)


def dense(bottom: str = "data", outputs: int = 7) -> Layer:
    weights = np.zeros((outputs, 192), np.float32)
    params = {"inner_product_param": {"num_output": outputs, "bias_term": False}}
    return Layer("InnerProduct", "fc", (bottom,), ("fc",), params, (weights,))


SOFTMAX = Layer("Softmax", "prob", ("fc",), ("prob",))


def parsed(content: str) -> list[tuple[str, str]]:
    found = text_format.Parse(content, message("NetParameter")())
    return [(layer.type, layer.name) for layer in found.layer]


def test_data_layers_a_loss_and_accuracies_are_around_the_network() -> None:
    content = train_val(net(dense(), SOFTMAX), TRAINING, 1 / 255, "hello")
    assert parsed(content) == [
        ("Data", "data-train"), ("Data", "data-test"), ("InnerProduct", "fc"),
        ("SoftmaxWithLoss", "loss"), ("Accuracy", "top-1"), ("Accuracy", "top-5"),
    ]  # fmt: skip
    train, test, _, loss, *_ = text_format.Parse(content, message("NetParameter")()).layer
    assert (train.data_param.source, train.data_param.batch_size, train.data_param.backend) == ("train.lmdb", 32, 1)
    assert (test.data_param.source, list(test.top)) == ("val.lmdb", ["data", "label"])
    assert (train.transform_param.crop_size, train.transform_param.mirror, test.transform_param.mirror) == (
        8,
        True,
        False,
    )
    assert train.transform_param.scale == pytest.approx(1 / 255)
    assert [train.include[0].phase, test.include[0].phase] == [0, 1]
    assert list(loss.bottom) == ["fc", "label"], "the loss has its own softmax"
    assert content.startswith("# hello\n")


def test_four_classes_have_no_top_5() -> None:
    assert parsed(train_val(net(dense(outputs=4)), TRAINING, 1, ""))[-1] == ("Accuracy", "top-1")


def test_a_reshape_leaves_the_batch_alone() -> None:
    flat = Layer("Reshape", "flat", ("data",), ("flat",), {"reshape_param": {"shape": {"dim": [1, 192]}}})
    content = train_val(net(flat, dense("flat")), TRAINING, 1, "")
    assert list(text_format.Parse(content, message("NetParameter")()).layer[2].reshape_param.shape.dim) == [0, 192]
    mixed = Layer(
        "Reshape", "mixed", ("data",), ("mixed",), {"reshape_param": {"shape": {"dim": [-1, 192]}, "axis": 0}}
    )
    assert "dim: -1" in train_val(net(mixed, dense("mixed")), TRAINING, 1, "")


@pytest.mark.parametrize(
    "made, why",
    [
        (net(dense(), shape=(1, 3, 4, 16)), "square images"),
        (Net("two", net(dense()).layers, ("fc", "data")), "one output"),
        (net(Layer("ReLU", "r", ("data",), ("r",))), "scores of shape"),
        (
            net(Layer("Reshape", "mixed", ("data",), ("fc",), {"reshape_param": {"shape": {"dim": [3, 64]}}})),
            "can't take a batch of 32",
        ),
        (
            net(Layer("Reshape", "mixed", ("data",), ("fc",), {"reshape_param": {"shape": {"dim": [3, -1]}}})),
            "mixes the images",
        ),
    ],
)
def test_what_is_no_classifier_is_refused(made: Net, why: str) -> None:
    with pytest.raises(ToolkitError, match=why):
        train_val(made, TRAINING, 1, "")


def test_the_solver_is_the_published_recipe() -> None:
    found = text_format.Parse(solver("a.prototxt", "out/a", TRAINING), message("SolverParameter")())
    assert (found.net, found.type, found.base_lr, found.momentum) == ("a.prototxt", "Nesterov", 0.5, pytest.approx(0.9))
    assert (found.lr_policy, found.power, found.max_iter) == ("poly", 1, 300_000), "linear to 0"
    assert found.iter_size * TRAINING.part == 1024


@pytest.mark.parametrize("dialect", ["portable", "shufflenet"])
def test_real_caffe_trains_on_them(dialect: str, tmp_path: Path) -> None:
    """Twenty steps on two kinds of images: the loss falls far below that of guessing."""
    if reason := runners.available()["caffe"]:
        pytest.skip(reason)
    save(export(create("shufflenet_v2_x0.25", num_classes=6, image_size=32), keep_bn=True), tmp_path / "net.onnx")
    raw = Preprocessing(swap=True)
    convert_file(tmp_path / "net.onnx", tmp_path / "net", dialect=dialect, style="train", preprocessing=raw)
    network, solved = write(tmp_path / "net.prototxt", tmp_path / "net", TRAINING, raw)
    assert len(text.read(tmp_path / "net.prototxt").layers) + 4 == len(parsed(network.read_text()))
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 64)
    pixels = rng.integers(0, 90, (64, 3, 36, 36), np.uint8) + (labels * 120).astype(np.uint8)[:, None, None, None]
    np.savez(tmp_path / "images.npz", pixels=pixels, labels=labels)
    engine = caffe_engine.find()
    assert engine is not None
    words = [engine.parent, network, solved, tmp_path / "images.npz", 20, 0.01, tmp_path / "net.caffemodel"]
    script = [sys.executable, ROOT / "tests" / "caffe" / "real_solver.py", *words]
    environment = {"PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "GLOG_minloglevel": "2", "PATH": ""}
    done = subprocess.run(
        [str(word) for word in script], cwd=tmp_path, capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    losses = [float(line) for line in done.stdout.split()]
    assert len(losses) == 20
    assert np.mean(losses[-5:]) < 0.25 * np.mean(losses[:5]), losses
