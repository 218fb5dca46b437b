"""Networks on a data set: the same in every engine, differences found, and what does not fit refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.errors import ToolkitError
from converters.onnx_to_caffe import convert_file
from converters.preprocessing import Preprocessing
from tests.evaluate.conftest import colours
from toolkit import runners
from toolkit.data.sets import open_images
from toolkit.evaluate import page
from toolkit.evaluate.evaluate import Contestant, evaluate
from toolkit.evaluate.feeding import Form, batches, form_of
from toolkit.evaluate.targets import field
from toolkit.runners.base import RUNTIMES, Target

PLAIN = Preprocessing()
CAFFE = [name for name in ("opencv", "caffe") if not runners.available()[name]]


def ort(path: Path, wanted: Preprocessing = PLAIN) -> Contestant:
    return Contestant("onnxruntime", Target(str(path)), wanted)


def test_a_batch_is_the_middle_of_each_image_prepared(photos: Path) -> None:
    images = open_images(photos)
    form = Form("x", 4, 28, fixed=True, preprocessing=Preprocessing(255.0, (1.0, 2.0, 3.0), (2.0,), swap=True))
    made = list(batches(images, form))
    assert [len(labels) for _, labels in made] == [4, 4, 4, 3]
    assert [pixels.shape for pixels, _ in made] == [(4, 3, 28, 28)] * 4, "the last one is filled up"
    middle = np.asarray(images.read(5).image.resize((35, 32), 3), np.float64)[2:30, 3:31]  # 32 = 28 * 256 / 224
    wanted = ((middle - [1, 2, 3]) / 2).transpose(2, 0, 1)[::-1]
    np.testing.assert_allclose(made[1][0][1], wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("preprocessing", [PLAIN, Preprocessing(1 / 255, (0.5,), (0.25,), swap=True)])
def test_every_engine_gives_the_same_answers(preprocessing: Preprocessing, photos: Path, tmp_path: Path) -> None:
    """The second pair preprocesses by itself: it is fed raw BGR images, as its map says."""
    model = colours(tmp_path / "net.onnx")
    convert_file(model, tmp_path / "net", preprocessing=preprocessing, map_file=True)
    trained = Preprocessing(mean=preprocessing.mean, std=preprocessing.std)
    known = field((f"{tmp_path}/net.prototxt", str(model)), trained, "", RUNTIMES, runners.load)
    found = evaluate(known.contestants, open_images(photos), known.load)
    assert CAFFE
    assert {entry.contestant.runtime for entry in found.entries} >= {"onnxruntime", *CAFFE}
    assert [entry.answers.top(1) for entry in found.entries] == [1.0] * len(found.entries)
    assert found.differing() == []


def test_what_differs_is_found_and_shown(photos: Path, tmp_path: Path) -> None:
    right, wrong = colours(tmp_path / "right.onnx"), colours(tmp_path / "wrong.onnx", (1, 2, 0))
    images = open_images(photos)
    found = evaluate([ort(right), ort(wrong)], images, runners.load)
    told = found.to_json()
    assert [one["top1"] for one in told["targets"]] == [1.0, pytest.approx(1 / 3)]
    assert told["agreement"] == [[1.0, pytest.approx(1 / 3)], [pytest.approx(1 / 3), 1.0]]
    assert told["differing"] == [images.read(index).name for index in range(10)]
    assert [one["taken_for"] for one in told["targets"][1]["worst_classes"]] == ["green", "blue"]
    page.write(found, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert text.count("data:image/png;base64,") == 10
    assert "10 of 15 images into different classes" in text


def test_names_in_the_page_are_text(photos: Path, tmp_path: Path) -> None:
    (photos / "red").rename(photos / "<script>alert(1)<")
    images = open_images(photos)
    found = evaluate(
        [ort(colours(tmp_path / "a.onnx")), ort(colours(tmp_path / "b.onnx", (1, 2, 0)))], images, runners.load
    )
    page.write(found, tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text("utf-8")
    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_a_dynamic_batch_gives_the_same_as_one_by_one(photos: Path, tmp_path: Path) -> None:
    free = colours(tmp_path / "free.onnx", shape=("n", 3, "h", "w"))
    found = evaluate([ort(colours(tmp_path / "one.onnx")), ort(free)], open_images(photos), runners.load, 32, 4)
    assert found.differing() == []
    with pytest.raises(ToolkitError, match="any size; say which"):
        evaluate([ort(free)], open_images(photos), runners.load)


@pytest.mark.parametrize(
    "inputs, why",
    [
        ({"x": (1, 3, 32, 32), "y": (1, 3, 32, 32)}, "has the inputs x, y"),
        ({"x": (1, 10)}, "not a square RGB image"),
        ({"x": (1, 1, 32, 32)}, "not a square RGB image"),
        ({"x": (1, 3, 32, 48)}, "not a square RGB image"),
        ({"x": (1, 3, 48, 48)}, "takes images of 48x48, not 32x32"),
    ],
)
def test_a_network_of_another_form_is_refused(inputs: dict[str, tuple[int | None, ...]], why: str) -> None:
    with pytest.raises(ToolkitError, match=why):
        form_of(inputs, 32, 8, PLAIN, "it")


def test_another_number_of_classes_is_refused(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"there are 3 classes .* name them all"):
        evaluate([ort(colours(tmp_path / "net.onnx", (0, 1, 2, 0)))], open_images(photos), runners.load)


def test_opencv_takes_raw_bgr_bytes(photos: Path, tmp_path: Path) -> None:
    """What a Caffe application does: blobFromImage on bytes, no mean, no scale."""
    cv2 = pytest.importorskip("cv2")
    model = colours(tmp_path / "net.onnx")
    raw = Preprocessing(1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), swap=True)
    convert_file(model, tmp_path / "net", preprocessing=raw)
    assert "(x * 0.00392157 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)" in (tmp_path / "net.prototxt").read_text()
    net = cv2.dnn.readNetFromCaffe(str(tmp_path / "net.prototxt"), str(tmp_path / "net.caffemodel"))
    bgr = cv2.imread(str(photos / "green" / "0.png"))[:32, :32]
    net.setInput(cv2.dnn.blobFromImage(bgr))
    rgb = (bgr[:, :, ::-1] / 255 - raw.mean) / raw.std
    with runners.load("onnxruntime", Target(str(model))) as oracle:
        (want,) = oracle.run({"x": rgb.transpose(2, 0, 1)[None].astype(np.float32)}).values()
    np.testing.assert_allclose(net.forward(), want, atol=1e-5 * np.abs(want).max())
