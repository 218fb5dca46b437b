"""Ways into chips that have few layers: each is used where the layer is taken away, and is right in every engine."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, build
from tests.converters.test_cases import assert_equal
from toolkit import runners
from toolkit.runners.base import Target

X = "float[1,4,9,8] x"
BATCH = "float[2,4,6,5] x"
# what the chip's file says; the network; the types of layers that come of it
WAYS = {
    "abs_by_relu": ('remove = ["AbsVal"]', Case(X, "y = Abs(x)"), {"Eltwise", "Power", "ReLU"}),
    "a difference without a negative coefficient": (
        '[layer.Eltwise]\nwithout = ["coeff"]',
        Case(BATCH, "a = Sigmoid(x); y = Sub(x, a)"),
        {"Sigmoid", "Eltwise", "Power"},
    ),
    "three summands in pairs": (
        "[layer.Eltwise]\nmax_bottoms = 2",
        Case(BATCH, "a = Sigmoid(x); b = Relu(x); y = Sum(x, a, b)"),
        {"Sigmoid", "Eltwise", "ReLU"},
    ),
    "the largest of three in pairs": (
        "[layer.Eltwise]\nmax_bottoms = 2",
        Case(BATCH, "a = Sigmoid(x); b = Relu(x); y = Max(x, a, b)"),
        {"Sigmoid", "Eltwise", "ReLU"},
    ),
    "flatten_by_reshape": ('remove = ["Flatten"]', Case(BATCH, "y = Flatten(x)"), {"Reshape"}),
    "reshape_by_flatten": (
        "[layer.Reshape]\naxes = [4]",
        Case(BATCH, "s = Constant<value = int64[2] {0, -1}>(); a = Sigmoid(x); y = Reshape(a, s)"),
        {"Sigmoid", "Flatten"},
    ),
    "prelu_by_relu": (
        'remove = ["PReLU"]',
        Case(BATCH + ", float[4,1,1] w", "y = PRelu(x, w)"),
        {"Eltwise", "Power", "ReLU", "Scale"},
    ),
    "power_by_scale": (
        'remove = ["Power"]',
        Case(BATCH, "y = HardSigmoid<beta = 0.4>(x)"),
        {"Scale", "ReLU"},
    ),
    "what portable avoids stays where the chip lacks what would serve": (
        'remove = ["Scale"]',
        Case("float[2,4,1,1] x", "y = HardSigmoid<beta = 0.4>(x)"),
        {"Power", "ReLU"},
    ),
    "what portable avoids in a chip's file": (
        "",
        Case("float[2,4,1,1] x", "y = HardSigmoid<beta = 0.4>(x)"),
        {"Scale", "ReLU"},
    ),
    "HardSwish without Power": ('remove = ["Power"]', Case(BATCH, "y = HardSwish(x)"), {"Scale", "ReLU", "Eltwise"}),
    "ReLU6 without Power": (
        'remove = ["Power"]',
        Case(
            BATCH,
            "l = Constant<value_float = 0.0>(); h = Constant<value_float = 6.0>(); a = Mul(h, x); y = Clip(a, l, h)",
        ),
        {"Scale", "ReLU"},
    ),
    "power_by_products": (
        "[layer.Power.values]\npower = [1.0]",
        Case(BATCH, "e = Constant<value_float = 5.0>(); y = Pow(x, e)"),
        {"Eltwise"},
    ),
    "gate_by_deconvolution": (
        "[layer.Scale]\nmax_bottoms = 1",
        Case("float[1,4,7,6] x", "a = GlobalAveragePool(x); b = Sigmoid(a); y = Mul(x, b)"),
        {"Pooling", "Sigmoid", "Deconvolution", "Eltwise"},
    ),
    "slice_by_crop": (
        'remove = ["Slice"]',
        Case("float[2,5,6] x", "a, b = Split<axis = 1, num_outputs = 2>(x); y = Concat<axis = 1>(b, a)"),
        {"Reshape", "Pooling", "Convolution", "Crop", "Concat"},
    ),
    "slice_by_crop, all but a column": (
        "",
        Case(BATCH, "s = Constant<value = int64[2] {1, 4}>(); a, b = Split<axis = 3>(x, s); y = Sigmoid(b)"),
        {"Convolution", "Sigmoid"},
    ),
    "slice_by_convolution, channels": (
        'remove = ["Slice", "Crop"]',
        Case(
            "float[2,5,6,5] x", "a, b = Split<axis = 1, num_outputs = 2>(x); c = Sigmoid(b); y = Concat<axis = 1>(c, a)"
        ),
        {"Convolution", "Sigmoid", "Concat"},
    ),
    "slice_by_convolution, rows and columns": (
        'remove = ["Slice", "Crop"]',
        Case(
            "float[2,3,7,6] x",
            "a, b = Split<axis = 2, num_outputs = 2>(x); c, d = Split<axis = 3, num_outputs = 2>(x); p = Sigmoid(a); "
            "q = Sigmoid(b); r = Sigmoid(c); s = Sigmoid(d); y = Concat<axis = 2>(q, p); z = Concat<axis = 3>(s, r)",
        ),
        {"Convolution", "Sigmoid", "Concat"},
    ),
    "rows_as_images": (
        "base = 'ssd'\n[layer.InnerProduct.values]\naxis = [1]",
        Case("float[2,3,5,4] x, float[4,6] w", "a = Sigmoid(x); y = MatMul(a, w)"),
        {"Sigmoid", "Reshape", "InnerProduct"},
    ),
    "rows_as_images in portable": (
        "",
        Case("float[2,3,5,4] x, float[4,6] w", "y = MatMul(x, w)"),
        {"Reshape", "InnerProduct"},
    ),
    "rows_as_images, one in all": (
        "",
        Case("float[3,5] x, float[5] w", "a = Sigmoid(x); y = MatMul(a, w)"),
        {"Sigmoid", "Reshape", "InnerProduct"},
    ),
    "flatten_between": (
        "[layer.InnerProduct]\nnot_after = ['Reshape']",
        Case(
            "float[2,3,4] x, float[4,5] w",
            "s = Constant<value = int64[2] {6, 4}>(); a = Reshape(x, s); y = MatMul(a, w)",
        ),
        {"Reshape", "Flatten", "InnerProduct"},
    ),
    "pool_and_pick": (
        'base = "ssd"\nremove = ["Silence"]\n[layer.Convolution]\nsquare = true',
        Case("float[2,3,6,8] x", "y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x)"),
        {"Pooling", "Convolution"},
    ),
    "what is cut off without Silence": (
        'remove = ["Crop"]',
        Case(BATCH, "y = MaxPool<kernel_shape = [3,3], strides = [2,2], pads = [1,1,1,1]>(x)"),
        {"Pooling", "Convolution"},
    ),
    "softmax_on_last_axis": (
        "base = 'ssd'\n[layer.Softmax]\nlast_axis = true",
        Case(BATCH, "y = Softmax<axis = 1>(x)"),
        {"Permute", "Softmax"},
    ),
    "permute_by_one_order": (
        "base = 'ssd'\nforbid = ['permute_by_slices', 'permute_by_convolution', 'permute_by_many_slices']\n"
        "[layer.Permute.values]\norder = [[0, 2, 3, 1]]",
        Case(BATCH, "a = Transpose<perm = [0, 3, 1, 2]>(x); y = Sigmoid(a)"),
        {"Reshape", "Permute", "Sigmoid"},
    ),
    "average_by_convolution": (
        "base = 'ssd'\n[layer.Pooling]\npad_counts = false",
        Case(BATCH, "y = AveragePool<kernel_shape = [3,3], pads = [1,1,1,1], count_include_pad = 1>(x)"),
        {"Convolution"},
    ),
}


@pytest.mark.parametrize("name", WAYS)
def test_the_way_is_taken_and_right(name: str, tmp_path: Path) -> None:
    text, case, types = WAYS[name]
    chip = tmp_path / "chip.toml"
    chip.write_text(text, encoding="utf-8")
    model, feeds = build(case)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    report = convert_file(path, tmp_path / "net", dialect=str(chip))
    assert set(report.layers) - {"Input"} == types
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    present = [name for name in ("opencv", "caffe") if not runners.available()[name]]
    able = [name for name in present if name != "opencv" or "Permute" not in types]
    if not able:
        pytest.skip("; ".join(runners.available()[name] for name in ("opencv", "caffe")))
    for engine in able:
        assert_equal(want, engines.run(engine, report, feeds), case, engine)


def test_an_unread_input_needs_silence_or_crop(tmp_path: Path) -> None:
    chip = tmp_path / "chip.toml"
    chip.write_text('remove = ["Crop"]', encoding="utf-8")
    model, _ = build(Case(X + ", float[1,3] x2", "y = Sigmoid(x)"))
    onnx.save(model, tmp_path / "model.onnx")
    with pytest.raises(ConversionError, match="chip has no Silence layer, and nothing reads 'x2'"):
        convert_file(tmp_path / "model.onnx", tmp_path / "net", dialect=str(chip))
