"""The reference in double precision: the same numbers as in float32, but for rounding."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest
import torch

from converters.errors import ToolkitError
from tests.parity import planted
from tests.parity.looking import Sound, subjects
from toolkit import runners
from toolkit.parity import float64
from toolkit.parity.compare import OutputComparison
from toolkit.parity.float64_ops import average_pool, conv, max_pool
from toolkit.parity.inputs import Inputs
from toolkit.parity.parity import Rule, check
from toolkit.parity.report import Verdict
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


@pytest.mark.parametrize(
    "own, sample, max_abs, scale, explained",
    [
        ((2e-4,), 0, 1e-3, 1, True),
        ((2e-4,), 0, 3e-3, 1, False),
        ((5e-5,), 0, 1.4e-4, 1, True),
        ((5e-5,), 0, 2e-4, 1, False),
        ((2e-4, 1e-9), 1, 1e-3, 1, False),
        ((2e-4, 1e-9), 1, 5e-4, 1, True),
        ((0, 2e-8), 1, 1e-8, 0, True),
        ((0, 2e-8), 1, 1e-6, 0, False),
        ((), 0, 1e-3, 1, False),
    ],
)
def test_an_error_of_the_references_own_size_is_no_fault(
    own: tuple[float, ...], sample: int, max_abs: float, scale: float, explained: bool
) -> None:
    required = max_abs / scale if scale else math.inf
    difference = OutputComparison("y", "y", (1,), 1e-4, required=required, max_abs=max_abs, scale=scale)
    worst = own[0] if own else None
    assert Sensitivity("y", 1, 1e-7, float64=worst, own=own).explains(difference, sample) == explained


@pytest.mark.parametrize("required, explained", [(2.9e-4, True), (3.1e-4, False), (math.inf, False)])
def test_a_nudge_and_the_own_error_count_together(required: float, explained: bool) -> None:
    difference = OutputComparison("y", "y", (1,), 1e-4, required=required, max_abs=required, scale=1)
    assert Sensitivity("y", 1, 5e-5, float64=5e-5, own=(5e-5,)).explains(difference, 0) == explained


def test_an_audit_of_less_than_everything_is_none(tmp_path: Path) -> None:
    known = _known(tmp_path, '<ir_version: 8, opset_import: ["" : 17]> net (float[2] x) => (float[2] y) { y = Exp(x) }')
    with pytest.raises(KeyError):
        float64.audit(tmp_path / "net.onnx", {"x": known["x"]})


def test_an_old_batch_normalisation_with_a_momentum_uses_its_statistics(tmp_path: Path) -> None:
    text = """<ir_version: 8, opset_import: ["" : 9]>
    net (float[2,3,4,5] x, float[3] s, float[3] b, float[3] m, float[3] v) => (float[2,3,4,5] y) {
        y = BatchNormalization<epsilon=0.25, momentum=0.5>(x, s, b, m, v)
    }"""
    known = _known(tmp_path, text)
    float64.audit(tmp_path / "net.onnx", known)


@pytest.mark.parametrize(
    "text",
    [
        '<ir_version: 8, opset_import: ["" : 11]> net (float[2,3,4] x) => (float[2,3,4] y) { y = Softmax<axis=1>(x) }',
        '<ir_version: 8, opset_import: ["" : 17]> net (float[1,3,4,5] x) => (float[1,3,4,5] y)'
        " { t = Relu(x)  y = LRN<size=3, bias=0.1>(t) }",
    ],
)
def test_what_is_computed_otherwise_in_float64_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="'y' computes something else in onnx's reference implementation"):
        float64.audit(tmp_path / "net.onnx", _known(tmp_path, text))


def _known(folder: Path, text: str) -> dict[str, np.ndarray]:
    """A model's inputs and all its values as onnxruntime computes them."""
    path = folder / "net.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    with runners.load("onnxruntime", Target(str(path), outputs=float64.values(path))) as runner:
        feeds = {name: RNG.uniform(0.5, 2, shape).astype(np.float32) for name, shape in runner.inputs.items()}
        return {**feeds, **runner.run(feeds)}


def test_a_wrong_float64_excuses_nothing(sound: Sound, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where numpy's convolution is another one, its distance from the reference must not pass for rounding."""
    files = sound("small")
    layers = [
        replace(one, blobs=tuple(np.array(blob) * np.float32(1.01) for blob in one.blobs)) if one.blobs else one
        for one in files.net.layers
    ]
    changed, _ = planted.write_files(replace(files.net, layers=tuple(layers)), tmp_path / "changed")
    oracle, other = subjects(str(files.onnx), f"opencv:{changed}")
    assert check(oracle, [other], runners.load, Inputs(), Rule(float64=True)).verdict is Verdict.FAILED
    monkeypatch.setattr("toolkit.parity.float64_ops.conv", lambda *given, **named: conv(*given, **named) * 1.5)
    with pytest.raises(ToolkitError, match=r"Conv '.*' computes something else"):
        check(oracle, [other], runners.load, Inputs(), Rule(float64=True))


def test_the_report_tells_the_references_own_error(sound: Sound) -> None:
    files = sound("small")
    oracle, other = subjects(str(files.onnx), f"opencv:{files.prototxt}")
    found = check(oracle, [other], runners.load, Inputs(), Rule(float64=True)).to_json()["outputs"][0]
    assert 0 < found["float64"] < 2e-6
    assert check(oracle, [other], runners.load).to_json()["outputs"][0]["float64"] is None
    with pytest.raises(ToolkitError, match="only an ONNX file can be run in float64"):
        check(other, [oracle], runners.load, Inputs(), Rule(float64=True))
