"""Upsampling by two is gone where a convolution can have it in its weights, and there where it only looks like it.

That the numbers stay the same is what the rows of tests/cases/upsampling.py say, in every dialect and engine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob, emit, layer
from converters.caffe.net import Net
from converters.caffe.passes.absorb_upsampling import absorb_upsampling
from converters.onnx_to_caffe import convert_file
from tests.cases import Case, build
from tests.cases.upsampling import ABSORBED, KEPT

X = layers.input_("x", (1, 4, 5, 6))
SKIP = layers.input_("s", (1, 3, 10, 12))


def converted(case: Case, folder: Path, **options: object) -> tuple[dict[str, int], str]:
    """How many layers of each type a row becomes, and the prototxt without its first line, which tells the options."""
    model, _ = build(case)
    onnx.save(model, folder / "model.onnx")
    report = convert_file(folder / "model.onnx", folder / "net", **options)  # type: ignore[arg-type]
    return dict(report.layers), (folder / "net.prototxt").read_text("utf-8").partition("\n")[2]


@pytest.mark.parametrize("name", ABSORBED)
def test_no_pixel_is_repeated(name: str, tmp_path: Path) -> None:
    before, _ = converted(ABSORBED[name], tmp_path, skip=["absorb_upsampling"])
    after, text = converted(ABSORBED[name], tmp_path)
    assert before["Deconvolution"] >= after["Deconvolution"] > 0
    assert "kernel_size: 4" in text
    assert "kernel_size: 2" not in text
    by_name, _ = converted(ABSORBED[name], tmp_path, dialect="brocolli")
    assert "Upsample" not in by_name


@pytest.mark.parametrize("name", KEPT)
def test_what_only_looks_like_it_stays(name: str, tmp_path: Path) -> None:
    assert converted(KEPT[name], tmp_path) == converted(KEPT[name], tmp_path, skip=["absorb_upsampling"])


def test_training_has_a_layer_for_each_module(tmp_path: Path) -> None:
    found, text = converted(ABSORBED["alone"], tmp_path, style="train")
    assert (found["Deconvolution"], found["Convolution"]) == (1, 1)
    assert "kernel_size: 2" in text


def test_opencv_keeps_its_resize(tmp_path: Path) -> None:
    found, _ = converted(ABSORBED["alone"], tmp_path, dialect="opencv")
    assert (found["Resize"], found["Convolution"]) == (1, 1)


def twice(x: Blob) -> Blob:
    return layer("Upsample", x, upsample_param={"scale": 2}).tops[0]


def conv(x: Blob, kernel: int = 3, **options: object) -> Blob:
    weight = np.ones((2, x.shape[1], kernel, kernel), np.float32)
    return layers.convolution(x, weight, **{"pad": (1, 1), **options})  # type: ignore[arg-type]


def net_of(*outputs: Blob) -> Net:
    names = {f"y{number}": blob for number, blob in enumerate(outputs)}
    return emit("n", {"x": X, "s": SKIP, **names}, list(names), [X, SKIP])


U = twice(X)
JOINED = layers.concat(1, SKIP, U)


@pytest.mark.parametrize(
    "net, why",
    [
        (net_of(conv(U), U), "has other readers"),
        (net_of(conv(JOINED), layers.relu(U)), "has other readers"),
        (net_of(conv(JOINED), layers.relu(JOINED)), "has other readers"),
        (net_of(conv(U, 5)), "its kernel is not 3x3"),
        (net_of(conv(U, stride=(2, 2))), "its stride, pad or dilation is not 1"),
    ],
)
def test_a_note_says_why_not(net: Net, why: str) -> None:
    done = absorb_upsampling(net, lambda node: "")
    assert done.net is net
    assert [note.layer for note in done.notes] == ["y0"]
    assert why in done.notes[0].reason


@pytest.mark.parametrize("missing", ["Deconvolution", "Eltwise"])
def test_what_the_dialect_has_not_is_not_made(missing: str) -> None:
    net = net_of(conv(JOINED))
    done = absorb_upsampling(net, lambda node: f"no {node.type}" if node.type == missing else "")
    assert done.net is net
    assert f"no {missing}" in done.notes[0].reason
