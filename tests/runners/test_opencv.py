"""What is OpenCV's alone: it knows layers, not blobs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.runners import files
from tests.runners.conftest import Tiny, need
from toolkit import runners
from toolkit.runners.base import RunnerError, Target
from toolkit.runners.worker.prototxt_names import names, parse


@pytest.fixture(autouse=True)
def _opencv() -> None:
    need("opencv")


@pytest.mark.parametrize("fusion", ["on", "off"])
def test_fusion_changes_no_value(fusion: str, tiny: Tiny) -> None:
    path, weights = tiny["opencv"]
    data = files.image()
    want = files.expected(data)
    with runners.load("opencv", Target(path, weights, tuple(want), options={"fusion": fusion})) as runner:
        got = runner.run({"data": data})
    for value in want:
        assert np.abs(got[value] - want[value]).max() <= 1e-5 * np.abs(want[value]).max()


def test_without_fusion_a_layer_keeps_its_own_value(tmp_path: Path) -> None:
    """A ReLU that is not in place is fused into its convolution, and what the convolution gave is then lost."""
    path = tmp_path / "net.prototxt"
    path.write_text(
        files.input_layer("data", (1, 3, 5, 5))
        + 'layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" '
        + "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 3 pad_h: 1 pad_w: 1 stride_h: 1 stride_w: 1 } }\n"
        + 'layer { name: "relu" type: "ReLU" bottom: "conv" top: "relu" }'
    )
    weights = files.caffemodel(tmp_path / "net.caffemodel", {"conv": files.weights(), "relu": []})
    data = files.image()
    with runners.load("opencv", Target(str(path), weights, ("conv", "relu"), options={"fusion": "off"})) as runner:
        got = runner.run({"data": data})
    want = files.expected(data)["conv"]
    assert np.abs(got["conv"] - want).max() <= 1e-5 * np.abs(want).max()
    np.testing.assert_array_equal(got["relu"], np.maximum(got["conv"], 0))


def test_onnx_files_too(tiny: Tiny) -> None:
    """Named and unnamed nodes have different names inside OpenCV."""
    source = Path(tiny["onnxruntime"][0])
    model = onnx.load(source)
    model.graph.node[2].name = "a name"
    path = source.with_name("named.onnx")
    onnx.save(model, path)
    data = files.image()
    want = files.expected(data)
    with runners.load("opencv", Target(str(path), outputs=tuple(want))) as runner:
        assert runner.inputs == {"data": (None, 3, 5, 5)}
        got = runner.run({"data": data})
    for value in want:
        assert np.abs(got[value] - want[value]).max() <= 1e-5 * np.abs(want[value]).max()


def test_one_axis_comes_back_as_two(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    reshape = 'layer { name: "flat" type: "Reshape" bottom: "data" top: "flat" reshape_param { shape { dim: -1 } } }'
    path.write_text(files.input_layer("data", (1, 3, 5, 5)) + reshape)
    with runners.load("opencv", Target(str(path))) as runner:
        assert runner.run({"data": files.image()})["flat"].shape == (75, 1)


def test_layers_can_be_asked_for_by_name(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(
        files.input_layer("data", (1, 3, 5, 5)) + 'layer { name: "l" type: "AbsVal" bottom: "data" top: "a" }'
    )
    data = files.image()
    with runners.load("opencv", Target(str(path), outputs=("l", "a"))) as runner:
        got = runner.run({"data": data})
    np.testing.assert_array_equal(got["l"], np.abs(data))
    np.testing.assert_array_equal(got["a"], np.abs(data))


def test_a_layer_named_like_its_second_top(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    slices = 'layer { name: "b" type: "Slice" bottom: "data" top: "a" top: "b" slice_param { axis: 1 slice_point: 1 } }'
    path.write_text(files.input_layer("data", (1, 3, 5, 5)) + slices)
    data = files.image()
    with runners.load("opencv", Target(str(path), outputs=("b", "a"))) as runner:
        got = runner.run({"data": data})
    np.testing.assert_array_equal(got["a"], data[:, :1])
    np.testing.assert_array_equal(got["b"], data[:, 1:])


def test_its_reason_is_quoted_without_its_build_folders(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    pooling = 'layer { name: "p" type: "Pooling" bottom: "data" top: "p" pooling_param { kernel_size: 2 typo: 1 } }'
    path.write_text(files.input_layer("data", (1, 3, 5, 5)) + pooling)
    with (
        pytest.raises(RunnerError, match=r"^opencv: \(-215:Assertion failed\) kernel"),
        runners.load("opencv", Target(str(path))) as runner,
    ):
        runner.run({"data": files.image()})


def test_names_in_a_prototxt() -> None:
    found = names("""
        # layer { name: "no" }
        name: "net" input: "image" input_dim: 1 input_dim: 3 input_dim: 8 input_dim: 9
        layer { name: 'two' "" type: "Input" top: "a" top: "b" input_param < shape: { dim: [1, 2] } > }
        layer { name: "odd \\"}\\" name" type: "X", bottom: "a"; top: "c" mystery_param { f: [{x: 1}, {x: 2}] } }
        layer { name: "in place" type: "ReLU" bottom: "c" top: "c" }
        layer { name: "s" type: "Slice" bottom: "c" top: "d" top: "e" }
        layer { name: "end" type: "Silence" bottom: "d" }
    """)
    assert found["inputs"] == {"image": [1, 3, 8, 9], "a": [1, 2], "b": [1, 2]}
    assert found["blobs"] == {"c": ["in place", 0], "d": ["s", 0], "e": ["s", 1]}
    assert found["outputs"] == ["e"]
    assert names('layers { name: "odd \\"}\\" name" top: "c" }')["blobs"] == {"c": ['odd "}" name', 0]}


@pytest.mark.parametrize(
    "text", ["}}}", "layer {", "layer: 3", "a b c [", "{" * 100_000, 'name: "open', "input_dim: {}"]
)
def test_names_survive_any_text(text: str) -> None:
    assert set(names(text)) == {"inputs", "blobs", "outputs", "rewritten", "alike"}
    assert isinstance(parse(text), list)
