"""`convert` takes what `onnx-to-caffe` and `parity` take: a cut, preprocessing, evidence, layers, a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import Result

from toolkit import runners

Toolkit = Callable[..., Result]
pytestmark = pytest.mark.skipif(bool(runners.available()["opencv"]), reason=runners.available()["opencv"])
CODE = """
import torch
class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.relu = torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU()
        self.second = torch.nn.Conv2d(8, 4, 3)
    def forward(self, image):
        return self.second(self.relu(self.first(image)))
def build():
    return Net()
"""


@pytest.fixture
def spec(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(CODE)
    return f"{tmp_path}/mine.py:build"


def test_a_cut_network_that_preprocesses_is_proven_layer_by_layer(toolkit: Toolkit, spec: str, tmp_path: Path) -> None:
    prefix, page = tmp_path / "net", tmp_path / "net.html"
    done = toolkit(
        "convert", spec, "-o", prefix, "--image-size", 12, "--output", "relu", "--layers", "--report", page, "--json",
        "--scale", "1/255", "--mean", "0.5,0.4,0.3", "--std", "0.2,0.25,0.3", "--swap-rgb", "--repro", tmp_path / "cut",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found["outputs"]) == ["relu"]
    rows = {row["runtime"]: row for row in found["parity"]["rows"] if row["samples"]}
    assert rows["torch"]["samples"][0][0]["shape"] == [1, 4, 10, 10], "PyTorch is compared with the whole ONNX file"
    assert rows["opencv"]["samples"][0][0]["shape"] == [1, 8, 12, 12]
    assert rows["opencv"]["layers"]["compared"] >= 1
    assert "compute what net.onnx computes" in page.read_text("utf-8")
    assert "PyTorch -> ONNX: verified" in done.stderr

    raw = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.float32)  # an image as a chip gets it: BGR
    net = cv2.dnn.readNetFromCaffe(f"{prefix}.prototxt", f"{prefix}.caffemodel")
    net.setInput(np.ascontiguousarray(raw.transpose(2, 0, 1)[None]))
    got = net.forward()
    rgb = ((raw[..., ::-1] / 255 - (0.5, 0.4, 0.3)) / (0.2, 0.25, 0.3)).transpose(2, 0, 1)[None].astype(np.float32)
    import torch

    from toolkit.models import create

    module = create(spec)
    with torch.inference_mode():
        want = module.relu(module.first(torch.from_numpy(np.ascontiguousarray(rgb)))).numpy()
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()


def test_evidence_and_the_older_name_of_image(toolkit: Toolkit, spec: str, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "photo.png"), np.random.default_rng(0).integers(0, 256, (20, 20, 3)).astype(np.uint8))
    base = ("convert", spec, "-o", tmp_path / "net", "--image-size", 12, "--json")
    for given, highest in (
        (("--image", tmp_path / "photo.png"), 1),
        (("--test", tmp_path / "photo.png"), 1),
        (("--range", "image=3,9"), 9),
    ):
        done = toolkit(*base, *given)
        assert done.exit_code == 0, done.stderr
        (fed,) = json.loads(done.stdout)["parity"]["inputs"]
        assert highest * 0.8 < fed["maximum"] <= highest


def test_what_is_wrong_is_told_before_the_work(toolkit: Toolkit, spec: str, tmp_path: Path) -> None:
    done = toolkit("convert", spec, "-o", tmp_path / "net", "--image-size", 12, "--output", "nothing")
    assert done.exit_code in (2, 3)
    assert "nothing" in done.stderr
    assert not list(tmp_path.glob("net*"))


QUANTISED = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3)

    def forward(self, x):
        x = torch.fake_quantize_per_tensor_affine(x, 0.02, 128, 0, 255)
        return torch.fake_quantize_per_tensor_affine(self.conv(x).relu(), 0.02, 0, 0, 255)

def build():
    torch.manual_seed(0)
    return Net()
"""


def test_of_a_quantised_module_the_float_network_is_taken(toolkit: Toolkit, tmp_path: Path) -> None:
    """PyTorch is compared with the quantised ONNX file, Caffe with the float network inside it."""
    (tmp_path / "fake.py").write_text(QUANTISED)
    words = ("convert", f"{tmp_path}/fake.py:build", "--image-size", "12", "-o", tmp_path / "out/net")
    refused = toolkit(*words)
    assert refused.exit_code == 3
    assert "(--drop-quantisation)" in refused.stderr
    done = toolkit(*words, "--drop-quantisation")
    assert done.exit_code == 0, done.output
    assert "dropped the quantisation of 2 activations" in done.stderr
    first, second = done.stderr.splitlines()[-2:]
    assert first.startswith("PyTorch -> ONNX: verified")
    assert "in float32" not in first
    assert "in float32; quantisation itself" in second
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    kinds = ("caffemodel", "map.json", "onnx", "prototxt", "ranges.json", "ranges.txt")
    assert names == [f"net.{kind}" for kind in kinds]
