"""What our build adds to Caffe's source, against numpy, and where it is as strict as BVLC."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.runners import files
from tests.runners.conftest import RunCaffe, need
from toolkit import runners
from toolkit.runners.base import RunnerError, Target
from toolkit.runners.worker import caffe_engine


@pytest.fixture(autouse=True)
def _our_build() -> None:
    need("caffe")
    module = caffe_engine.find()
    assert module is not None
    if not (module.parent / "manifest.json").exists():
        pytest.skip(f"{module} is not our own build")


def random(*shape: int, seed: int = 0, scale: float = 4) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def layer(kind: str, params: str = "", bottom: str = "data", top: str = "y") -> str:
    return f'layer {{ name: "{top}" type: "{kind}" bottom: "{bottom}" top: "{top}" {params} }}\n'


def test_engine_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(files.input_layer("data", (1, 3)) + layer("AbsVal"))
    with runners.load("caffe", Target(str(path))) as runner:
        assert runner.version == "brocolli-caffe 9.0.2 + Clip, Swish, ShuffleChannel, round_mode, CPU, 1 thread"


@pytest.mark.parametrize("top", ["y", "data"])
def test_clip(run_caffe: RunCaffe, top: str) -> None:
    data = random(2, 3, 4, 5)
    got = run_caffe(layer("Clip", "clip_param { min: -1.5 max: 2 }", top=top), data, top)[top]
    np.testing.assert_array_equal(got, np.clip(data, -1.5, 2))


def test_clip_at_its_edges(run_caffe: RunCaffe) -> None:
    data = np.array([[np.nan, np.inf, -np.inf, 0, 6]], np.float32)
    got = run_caffe(layer("Clip", "clip_param { min: 0 max: 6 }"), data)["y"]
    np.testing.assert_array_equal(got, [[0, 6, 0, 0, 6]])
    np.testing.assert_array_equal(run_caffe(layer("Clip"), data)["y"], np.zeros_like(data))
    with pytest.raises(RunnerError, match=r"clip_param\.max"):
        run_caffe(layer("Clip", "clip_param { min: 0 }"), data)


@pytest.mark.parametrize("beta", [None, 0.5, 3])
@pytest.mark.parametrize("top", ["y", "data"])
def test_swish(run_caffe: RunCaffe, beta: float | None, top: str) -> None:
    data = np.concatenate([random(2, 7), np.full((1, 7), -300, np.float32), np.full((1, 7), 300, np.float32)])
    params = "" if beta is None else f"swish_param {{ beta: {beta} }}"
    got = run_caffe(layer("Swish", params, top=top), data, top)[top]
    with np.errstate(over="ignore"):
        want = data / (1 + np.exp(-(beta or 1) * data.astype(np.float64)))
    assert np.abs(got - want).max() <= 1e-6 * np.abs(want).max()


@pytest.mark.parametrize("shape", [(2, 12, 3, 5), (1, 12), (3, 12, 7)])
@pytest.mark.parametrize("group", [1, 2, 3, 4, 12])
def test_shuffle_channel(run_caffe: RunCaffe, group: int, shape: tuple[int, ...]) -> None:
    data = random(*shape)
    got = run_caffe(layer("ShuffleChannel", f"shuffle_channel_param {{ group: {group} }}"), data)["y"]
    split = data.reshape(shape[0], group, 12 // group, *shape[2:])
    np.testing.assert_array_equal(got, split.swapaxes(1, 2).reshape(shape))


def test_shuffle_channel_refusals(run_caffe: RunCaffe) -> None:
    data = random(1, 6, 2, 2)
    with pytest.raises(RunnerError, match=r"multiple of shuffle_channel_param\.group"):
        run_caffe(layer("ShuffleChannel", "shuffle_channel_param { group: 4 }"), data)
    with pytest.raises(RunnerError, match="must be positive"):
        run_caffe(layer("ShuffleChannel", "shuffle_channel_param { group: 0 }"), data)
    with pytest.raises(RunnerError, match="in-place"):
        run_caffe(layer("ShuffleChannel", "shuffle_channel_param { group: 2 }", top="data"), data)


def pool(data: np.ndarray, kind: str, k: int, s: int, p: int, up: bool) -> np.ndarray:
    """Caffe's pooling: the last window must start inside the image or the leading pad; averages count the pad."""
    size = data.shape[2]
    out = (math.ceil if up else math.floor)((size + 2 * p - k) / s) + 1
    if p and (out - 1) * s >= size + p:
        out -= 1
    result = np.empty((*data.shape[:2], out, out), np.float64)
    for i, j in np.ndindex(out, out):
        top, left = i * s - p, j * s - p
        area = (min(top + k, size + p) - top) * (min(left + k, size + p) - left)
        window = data[:, :, max(top, 0) : top + k, max(left, 0) : left + k].astype(np.float64)
        result[:, :, i, j] = window.max((2, 3)) if kind == "MAX" else window.sum((2, 3)) / area
    return result


ROUNDING = {
    "": True,
    "round_mode: CEIL": True,
    "round_mode: FLOOR": False,
    "ceil_mode: true": True,
    "ceil_mode: false": False,
    "ceil_mode: true round_mode: FLOOR": False,
}


@pytest.mark.parametrize("rounding", ROUNDING)
@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_pooling_rounds_as_told(run_caffe: RunCaffe, kind: str, rounding: str) -> None:
    differing = 0
    for size, k, s, p in [(8, 3, 2, 0), (8, 2, 2, 0), (7, 3, 2, 1), (8, 3, 2, 1), (9, 3, 3, 1), (10, 4, 3, 1)]:
        data = random(1, 2, size, size)
        params = f"pooling_param {{ pool: {kind} kernel_size: {k} stride: {s} pad: {p} {rounding} }}"
        got = run_caffe(layer("Pooling", params), data)["y"]
        want = pool(data, kind, k, s, p, ROUNDING[rounding])
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-6 * np.abs(want).max()
        differing += want.shape != pool(data, kind, k, s, p, not ROUNDING[rounding]).shape
    assert differing >= 3, "these cases do not tell the modes apart"


def test_eltwise_is_strict(run_caffe: RunCaffe) -> None:
    eltwise = 'layer { name: "y" type: "Eltwise" bottom: "data" bottom: "b" top: "y" }'
    a, b = random(1, 2, 3, 4), random(1, 2, 3, 4, seed=1)
    np.testing.assert_allclose(run_caffe(eltwise, a, more={"b": b})["y"], a + b, rtol=1e-6)
    for shape in [(1, 2, 3, 3), (1, 2, 1, 1), (2, 3, 4), (1, 2, 12)]:
        with pytest.raises(RunnerError, match="Eltwise bottoms differ in shape"):
            run_caffe(eltwise, a, more={"b": random(*shape)})


def test_scale_is_strict(run_caffe: RunCaffe) -> None:
    a = random(2, 3, 4, 5)

    def scale(axis: int) -> str:
        return f'layer {{ name: "y" type: "Scale" bottom: "data" bottom: "b" top: "y" scale_param {{ axis: {axis} }} }}'

    b = random(2, 3)
    np.testing.assert_allclose(run_caffe(scale(0), a, more={"b": b})["y"], a * b[:, :, None, None], rtol=1e-6)
    for axis, shape in [(0, (3, 2)), (1, (4,)), (1, (1,)), (0, (2, 3, 1, 1))]:
        with pytest.raises(RunnerError, match="Scale factors of shape"):
            run_caffe(scale(axis), a, more={"b": random(*shape)})


def test_scale_takes_both_blobs_from_the_prototxt(run_caffe: RunCaffe) -> None:
    data = random(1, 3, 2, 2)

    def blob(*values: float) -> str:
        return "blobs { shape { dim: 3 } " + " ".join(f"data: {value}" for value in values) + " }"

    got = run_caffe(layer("Scale", f"scale_param {{ bias_term: true }} {blob(1, 2, 3)} {blob(4, 5, 6)}"), data)["y"]
    want = data * np.array([1, 2, 3])[:, None, None] + np.array([4, 5, 6])[:, None, None]
    np.testing.assert_allclose(got, want, rtol=1e-6)
    only_one = layer("Scale", f"scale_param {{ bias_term: true bias_filler {{ value: 9 }} }} {blob(1, 2, 3)}")
    np.testing.assert_allclose(run_caffe(only_one, data)["y"], data * np.array([1, 2, 3])[:, None, None] + 9, rtol=1e-6)


def test_batch_norm_learns_no_statistics(run_caffe: RunCaffe) -> None:
    data = random(1, 3, 2, 2)
    frozen = "param { lr_mult: 0 } " * 2
    assert run_caffe(layer("BatchNorm", frozen), data)["y"].shape == data.shape
    assert run_caffe(layer("BatchNorm", "param { lr_mult: 1 } " * 3), data)["y"].shape == data.shape  # as in BVLC
    with pytest.raises(RunnerError, match="BatchNorm statistics need lr_mult: 0"):
        run_caffe(layer("BatchNorm", "param { lr_mult: 1 }"), data)


def test_a_prototxt_can_not_touch_files(run_caffe: RunCaffe, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("")
    detection = (
        'layer { name: "y" type: "DetectionOutput" bottom: "data" bottom: "conf" bottom: "prior" top: "y" '
        "detection_output_param { num_classes: 2 save_output_param { "
        f'output_directory: "{victim}" }} }} }}'
    )
    more = {"conf": random(1, 4), "prior": random(1, 2, 8)}
    with pytest.raises(RunnerError, match="save_output_param is not available"):
        run_caffe(detection, random(1, 8), more=more)
    assert (victim / "precious").exists()
    written = tmp_path / "written.h5"
    output = (
        'layer { name: "o" type: "HDF5Output" bottom: "data" bottom: "b" '
        f'hdf5_output_param {{ file_name: "{written}" }} }}'
    )
    with pytest.raises(RunnerError, match="Unknown layer type: HDF5Output"):
        run_caffe(output, random(1, 2), more={"b": random(1, 2)})
    assert not written.exists()


# The runner has no backward pass, so this drives Caffe itself.
GRADIENT = """
import json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import _caffe
net = _caffe.Net(sys.argv[2], 0)
blobs = dict(zip(net._blob_names, net._blobs))
x = np.random.default_rng(0).standard_normal(tuple(blobs["data"].shape)) * 2
out = np.random.default_rng(1).standard_normal(tuple(blobs["y"].shape))
last = len(net.layers) - 1

def forward(data):
    blobs["data"].data[...] = data
    net._forward(0, last)
    return float((blobs["y"].data.astype(np.float64) * out).sum())

forward(x)
blobs["y"].diff[...] = out
net._backward(last, 0)
got = blobs["data"].diff.copy()
want = np.empty_like(x)
for at in np.ndindex(*x.shape):
    moved = x.copy()
    moved[at] += 1e-2
    above = forward(moved)
    moved[at] -= 2e-2
    want[at] = (above - forward(moved)) / 2e-2
print(json.dumps([float(np.abs(got - want).max()), float(np.abs(want).max())]))
"""


@pytest.mark.parametrize(
    "body",
    [
        layer("Clip", "clip_param { min: -1.23 max: 0.77 }"),
        layer("Swish", "swish_param { beta: 1.5 }"),
        layer("Power", "power_param { scale: 1 }", top="y") + layer("Swish", bottom="y"),
        layer("ShuffleChannel", "shuffle_channel_param { group: 3 }"),
    ],
    ids=["clip", "swish", "swish in place", "shuffle"],
)
def test_gradients(body: str, tmp_path: Path) -> None:
    module = caffe_engine.find()
    assert module is not None
    path = tmp_path / "net.prototxt"
    path.write_text("force_backward: true\n" + files.input_layer("data", (2, 6, 3)) + body)
    command = [sys.executable, "-c", GRADIENT, str(module.parent), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    error, scale = json.loads(done.stdout)
    assert error <= 2e-3 * scale  # float32 differences over a step of 1e-2
