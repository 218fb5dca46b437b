"""Each layer with a grid of its parameters: onnxruntime on the import computes what real Caffe computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from converters.caffe import binary
from converters.errors import ConversionError
from tests import engines
from tests.caffe_to_onnx.rows import ROWS, Row, one
from tests.caffe_to_onnx.running import assert_close, caffe, feeds, imported, write
from tests.runners import files
from tests.runners.conftest import need
from toolkit.runners.base import Target

OPSETS = (11, 17, 24)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_layer(name: str, tmp_path: Path) -> None:
    need("caffe")
    row = ROWS[name]
    prototxt, caffemodel = write(row, tmp_path)
    fed = feeds(row)
    want = caffe(prototxt, caffemodel, row.outputs, fed)
    for opset in (max(opset, row.oldest) for opset in OPSETS):
        assert_close(imported(prototxt, caffemodel, fed, outputs=row.outputs, opset=opset), want)


@pytest.mark.parametrize("gate", [(2, 3, 1, 1), (2, 3)])
def test_axpy_is_a_factor_for_each_channel(gate: tuple[int, ...], tmp_path: Path) -> None:
    """SENet's fork alone has it, so that its formula stands here: factor * x + y."""
    row = Row(one("Axpy", bottoms="x y z"), {"x": gate, "y": (2, 3, 4, 5), "z": (2, 3, 4, 5)})
    fed = feeds(row)
    want = fed["x"].reshape(2, 3, 1, 1) * fed["y"] + fed["z"]
    prototxt, caffemodel = write(row, tmp_path)
    for opset in OPSETS:
        assert_close(imported(prototxt, caffemodel, fed, opset=opset), {row.outputs[0]: want})


BOXES = np.float32([[0, 0, 0, 7, 5], [0, 2.4, 1.2, 8.6, 8.4], [0, 3, 3, 3, 3], [0, 1, 0, 4, 9]])
FORKS = {
    "Reorg": Row(one("Reorg", "reorg_param { stride: 2 }"), {"x": (1, 8, 4, 6)}),
    "ROIPooling": Row(
        one("ROIPooling", "roi_pooling_param { pooled_h: 3 pooled_w: 2 spatial_scale: 0.5 }", "x y"),
        {"x": (1, 3, 6, 7), "y": BOXES.shape},
    ),
    "Interp/size": Row(one("Interp", "interp_param { height: 9 width: 7 }"), {"x": (1, 3, 4, 5)}),
    "Interp/zoom": Row(one("Interp", "interp_param { zoom_factor: 3 }"), {"x": (1, 3, 4, 5)}),
    "ConvolutionDepthwise": Row(
        one("ConvolutionDepthwise", "convolution_param { num_output: 4 kernel_size: 3 pad: 1 group: 4 }"),
        {"x": (1, 4, 5, 6)},
        {"l": [(4, 1, 3, 3), (4,)]},
    ),
    "Mish": Row(one("Mish"), {"x": (1, 3, 4, 5)}),
    "Softplus": Row(one("Softplus"), {"x": (1, 3, 4, 5)}),
    "Dropout/when testing": Row(
        one("Dropout", "dropout_param { dropout_ratio: 0.3 scale_train: false }"), {"x": (1, 3, 4, 5)}
    ),
}


@pytest.mark.parametrize("name", FORKS)
def test_layer_that_opencv_alone_has(name: str, tmp_path: Path) -> None:
    need("opencv")
    row = FORKS[name]
    prototxt, caffemodel = write(row, tmp_path)
    prototxt.write_text(prototxt.read_text().replace('name: "l"', 'name: "out"'))
    files.caffemodel(caffemodel, {"out": list(binary.read(caffemodel).get("l", ()))})
    fed = {**feeds(row), **({"y": BOXES} if "y" in row.inputs else {})}
    want = engines.run_target("opencv", Target(str(prototxt), caffemodel, ("out",)), fed)
    for opset in OPSETS if name != "ROIPooling" else (11, 17, 21):  # onnxruntime has no MaxRoiPool of opset 22
        assert_close(imported(prototxt, caffemodel, fed, opset=opset), want)


MEANINGS = {
    "MVN": Row(one("MVN", "mvn_param { eps: 0.1 }"), {"x": (1, 3, 4, 5)}),
    "LRN": Row(one("LRN", "lrn_param { local_size: 3 alpha: 0.5 k: 2 }"), {"x": (1, 4, 4, 5)}),
    "Log": Row(one("Log", "log_param { base: 2 scale: 3 }"), {"x": (1, 3, 4, 5)}, low=0.1),
    "InnerProduct": Row(
        one("InnerProduct", "inner_product_param { num_output: 6 transpose: true }"),
        {"x": (1, 6)},
        {"l": [(6, 6), (6,)]},
    ),
    "PriorBox": Row(
        one("PriorBox", "prior_box_param { min_size: 4 aspect_ratio: 2 variance: 0.1 }", "x y"),
        {"x": (1, 4, 3, 5), "y": (1, 3, 12, 20)},
    ),
}


@pytest.mark.parametrize("name", MEANINGS)
def test_what_opencv_means_by_a_layer(name: str, tmp_path: Path) -> None:
    """Where it differs from Caffe: each import differs from the other by more than rounding, or is refused there."""
    need("opencv")
    row = MEANINGS[name]
    prototxt, caffemodel = write(row, tmp_path)
    prototxt.write_text(prototxt.read_text().replace('name: "l"', 'name: "out"'))
    files.caffemodel(caffemodel, {"out": [np.array(blob) for blob in binary.read(caffemodel).get("l", ())]})
    fed = feeds(row)
    want = engines.run_target("opencv", Target(str(prototxt), caffemodel, ("out",)), fed)
    assert_close(imported(prototxt, caffemodel, fed, dialect="opencv"), want)
    if name == "PriorBox":
        with pytest.raises(ConversionError, match="does not say whether it clips boxes"):
            imported(prototxt, caffemodel, fed)
        return
    with pytest.raises(AssertionError, match="differs by"):
        assert_close(imported(prototxt, caffemodel, fed), want)


@pytest.mark.parametrize("size", [5, 6])
def test_stochastic_pooling_weighs_each_number_by_itself(size: int, tmp_path: Path) -> None:
    """Caffe has it on GPUs alone, so the formula of its kernel stands here."""
    row = Row(one("Pooling", "pooling_param { pool: STOCHASTIC kernel_size: 2 stride: 2 }"), {"x": (1, 2, size, 4)})
    prototxt, _ = write(row, tmp_path)
    x = np.maximum(feeds(row)["x"], 0)
    x[0, 0, :2, :2] = 0
    want = np.zeros((1, 2, -(-size // 2), 2), np.float32)
    for c, i, j in np.ndindex(want.shape[1:]):
        window = x[0, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].astype(np.float64)
        want[0, c, i, j] = (window**2).sum() / (window.sum() + np.finfo(np.float32).tiny)
    assert_close(imported(prototxt, None, {"x": x}), {"out": want})


FIXED = {"Unsqueeze", "Upsample"}  # the engine's own layers keep the size that they were made with, or crash


@pytest.mark.parametrize("name", sorted(name for name, row in ROWS.items() if row.batch and name not in FIXED))
def test_another_batch_where_it_is_left_open(name: str, tmp_path: Path) -> None:
    need("caffe")
    row = ROWS[name]
    prototxt, caffemodel = write(row, tmp_path)
    sizes = {shape[0] for shape in row.inputs.values()}
    fed = feeds(row, max(sizes) + 1)
    want = caffe(prototxt, caffemodel, row.outputs, fed)
    got = imported(prototxt, caffemodel, fed, outputs=row.outputs, dynamic_batch=True, opset=max(17, row.oldest))
    assert_close(got, want)
