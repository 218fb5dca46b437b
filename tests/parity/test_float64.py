"""The reference in double precision: the same numbers as in float32, but for rounding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch

from converters.errors import ToolkitError
from tests.parity.looking import Sound, subjects
from toolkit import runners
from toolkit.parity import float64
from toolkit.parity.float64_ops import average_pool, conv, max_pool
from toolkit.parity.inputs import Inputs
from toolkit.parity.parity import Rule, check
from toolkit.parity.sensitivity import Sensitivity
from toolkit.runners.base import Target

RNG = np.random.default_rng(0)
ROWS = {
    "plain": "Conv<kernel_shape=[3,3]>(x, w)",
    "padded": "Conv<kernel_shape=[3,3], pads=[1,0,2,1], strides=[2,1]>(x, w)",
    "dilated": "Conv<kernel_shape=[3,3], dilations=[2,1]>(x, w)",
    "same": 'Conv<kernel_shape=[3,3], auto_pad="SAME_LOWER", strides=[2,2]>(x, w)',
    "max": "MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)",
    "max_ceil": "MaxPool<kernel_shape=[2,3], strides=[2,2], ceil_mode=1>(x)",
    "average": "AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)",
    "average_padded": "AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1], count_include_pad=1>(x)",
    "average_ceil": "AveragePool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1, pads=[0,1,0,1]>(x)",
}


@pytest.mark.parametrize("row", ROWS)
def test_convolution_and_pooling_are_onnxruntimes(row: str, tmp_path: Path) -> None:
    head = '<ir_version: 8, opset_import: ["" : 19]> net (float[2,4,9,10] x, float[6,4,3,3] w) => (float[n,c,h,v] y)'
    text = f"{head} {{ y = {ROWS[row]} }}"
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    feeds = {
        "x": RNG.standard_normal((2, 4, 9, 10), np.float32),
        "w": RNG.standard_normal((6, 4, 3, 3), np.float32),
    }
    with runners.load("onnxruntime", Target(str(tmp_path / "net.onnx"))) as runner:
        want = runner.run(feeds)["y"]
    (got,) = float64.run(tmp_path / "net.onnx", [feeds], ["y"])
    assert got["y"].dtype == np.float64
    np.testing.assert_allclose(got["y"], want, rtol=0, atol=1e-5)


def test_groups_and_one_and_three_axes() -> None:
    x, w = RNG.standard_normal((2, 6, 8)), RNG.standard_normal((4, 3, 3))
    want = torch.nn.functional.conv1d(torch.from_numpy(x), torch.from_numpy(w), groups=2, padding=1)
    np.testing.assert_allclose(conv(x, w, group=2, pads=(1, 1)), want.numpy(), atol=1e-12)
    x = RNG.standard_normal((1, 2, 5, 6, 7))
    want = torch.nn.functional.max_pool3d(torch.from_numpy(x), 2)
    np.testing.assert_array_equal(max_pool(x, kernel_shape=(2, 2, 2), strides=(2, 2, 2)), want.numpy())
    want = torch.nn.functional.avg_pool3d(torch.from_numpy(x), 2)
    np.testing.assert_allclose(average_pool(x, kernel_shape=(2, 2, 2), strides=(2, 2, 2)), want.numpy(), atol=1e-12)


def test_a_whole_network_differs_by_rounding_alone(sound: Sound) -> None:
    files = sound("small")
    with runners.load("onnxruntime", Target(str(files.onnx))) as runner:
        feeds = {"data": RNG.random((1, 3, 32, 32), np.float32)}
        want = runner.run(feeds)["output"]
    (got,) = float64.run(files.onnx, [feeds], ["output"])
    distance = np.abs(got["output"] - want).max() / np.abs(want).max()
    assert 1e-9 < distance < 2e-6, "equal to the last bit would mean that nothing was widened"


def test_constants_casts_and_bodies_are_widened(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 17]>
    net (float16[2] x, bool c) => (float[2] y) <float[1] third = {0.33333334}> {
        half = Constant<value = float {0.1}>()
        wide = Cast<to=1>(x)
        z = Mul(wide, half)
        y = If(c) <
            then_branch = then () => (float[2] t) { k = Constant<value = float[1] {3.0}>()  t = Div(z, k) },
            else_branch = other () => (float[2] e) { e = Mul(z, third) }
        >
    }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    feeds = {"x": np.float16([1, 3]), "c": np.array(True)}
    (got,) = float64.run(tmp_path / "net.onnx", [feeds], ["y"])
    np.testing.assert_allclose(got["y"], np.float64([1, 3]) * np.float64(np.float32(0.1)) / 3, rtol=1e-15)


def test_what_can_not_be_run_is_a_sentence(tmp_path: Path) -> None:
    text = '<ir_version: 8, opset_import: ["" : 17, "mine" : 1]> net (float[2] x) => (float[2] y) { y = mine.Odd(x) }'
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    with pytest.raises(ToolkitError, match="can't be run in float64: "):
        float64.run(tmp_path / "net.onnx", [{"x": np.ones(2, np.float32)}], ["y"])


def test_an_error_of_the_references_own_size_is_no_fault() -> None:
    assert Sensitivity("y", 1, 1e-7, float64=2e-4).explains(1e-3, 1e-4)
    assert not Sensitivity("y", 1, 1e-7, float64=2e-4).explains(3e-3, 1e-4)
    assert not Sensitivity("y", 1, 1e-7, float64=5e-5).explains(2e-4, 1e-4)


def test_the_report_tells_the_references_own_error(sound: Sound) -> None:
    files = sound("small")
    oracle, other = subjects(str(files.onnx), f"opencv:{files.prototxt}")
    found = check(oracle, [other], runners.load, Inputs(), Rule(float64=True)).to_json()["outputs"][0]
    assert 0 < found["float64"] < 2e-6
    assert check(oracle, [other], runners.load).to_json()["outputs"][0]["float64"] is None
    with pytest.raises(ToolkitError, match="only an ONNX file can be run in float64"):
        check(other, [oracle], runners.load, Inputs(), Rule(float64=True))
