from __future__ import annotations

import json
from pathlib import Path

import onnx.parser
import pytest

from converters import mapping
from converters.caffe.net import Layer, Net
from converters.errors import InvalidInput
from toolkit.parity.localise.graphs import of_caffe, of_onnx
from toolkit.parity.localise.sizes import bytes_of_values

NET = Net(
    "net",
    (
        Layer("Input", "x", (), ("x",), {"input_param": {"shape": [{"dim": [1, 2, 4, 4]}]}}),
        Layer("Convolution", "conv", ("x",), ("conv",), {"convolution_param": {"num_output": 3, "kernel_size": [3]}}),
        Layer("ReLU", "relu", ("conv",), ("conv",)),
        Layer("Slice", "cut", ("conv",), ("a", "b"), {"slice_param": {"slice_point": [1]}}),
        Layer("Scale", "scale", ("a",), ("a",)),
        Layer("Eltwise", "sum", ("conv", "conv"), ("sum",)),
    ),
    ("b", "a", "sum"),
)


def test_every_write_of_a_blob_is_a_value_of_its_own() -> None:
    graph = of_caffe(NET, "net.prototxt")
    assert [(step.id, step.reads, step.writes) for step in graph.steps] == [
        ("conv", ("x",), ("conv@1",)),
        ("relu", ("conv@1",), ("conv",)),
        ("cut", ("conv",), ("a@1", "b")),
        ("scale", ("a@1",), ("a",)),
        ("sum", ("conv", "conv"), ("sum",)),
    ]
    assert graph.inputs == ("x",)
    assert graph.steps[0].params == "num_output 3, kernel_size 3"


def test_a_region_ends_at_what_is_given() -> None:
    graph = of_caffe(NET, "net.prototxt")
    assert graph.region(["a"], {"conv"}) == ((2, 3), ("conv",))
    assert graph.region(["a"], ()) == ((0, 1, 2, 3), ("x",))
    assert graph.region(["sum", "b"], {"conv"}) == ((2, 4), ("conv",))
    assert graph.region(["x"], ()) == ((), ("x",))
    assert graph.ancestors("b") == {"x", "conv@1", "conv", "a@1", "b"}


def test_a_blob_from_nowhere_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="reads the blob 'y', which no layer before it makes"):
        of_caffe(Net("net", (Layer("ReLU", "relu", ("y",), ("y",)),)), "net.prototxt")


def write(text: str, path: Path) -> Path:
    onnx.save(onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : 17]> {text}'), path)
    return path


def test_weights_are_no_values_and_bodies_read_what_is_around_them(tmp_path: Path) -> None:
    path = write(
        """net (float[2] x, bool c) => (float[2] y) <float[2] w = {1, 2}> {
            a = Add(x, w)
            b = Relu(a)
            y = If(c) <
                then_branch = then () => (float[2] t) { t = Mul(b, w) },
                else_branch = other () => (float[2] e) { e = Identity(a) }
            >
        }""",
        tmp_path / "net.onnx",
    )
    graph = of_onnx(path)
    assert [(step.id, step.kind, step.reads) for step in graph.steps] == [
        ("a", "Add", ("x",)),
        ("b", "Relu", ("a",)),
        ("y", "If", ("c", "b", "a")),
    ]
    assert (graph.inputs, graph.outputs) == (("x", "c"), ("y",))


def test_sizes_follow_from_the_inputs(tmp_path: Path) -> None:
    path = write(
        "net (float[n, 3] x) => (float[n, 2] y) <float[3, 2] w = {1,2,3,4,5,6}> { h = MatMul(x, w)  y = Relu(h) }",
        tmp_path / "net.onnx",
    )
    assert bytes_of_values(of_onnx(path), {"x": (5, 3)}) == {"x": 60, "h": 40, "y": 40}


def test_what_has_no_known_size_counts_as_much_as_the_largest(tmp_path: Path) -> None:
    path = write("net (float[4, 3] x) => (y) { i = NonZero(x)  y = Relu(x) }", tmp_path / "net.onnx")
    assert bytes_of_values(of_onnx(path), {"x": (4, 3)})["i"] == 48


RECORD = {
    "source": "net.onnx",
    "source_sha256": "00",
    "dialect": "portable",
    "style": "deploy",
    "preprocessing": {"scale": 1.0, "mean": [], "std": [], "swap": False},
    "prototxt": "net.prototxt",
    "caffemodel": "net.caffemodel",
    "inputs": {"x": "x"},
    "input_shapes": {"x": [1, 2]},
    "outputs": {"y": "y"},
    "output_shapes": {"y": [1, 2]},
    "views": {},
    "channel_orders": {"y": [1, 0]},
    "blobs": {"y": "y"},
    "layers": {"ReLU": 1},
    "parameters": 0,
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"channel_orders": {"y": [1, 1]}}, "a channel order is not a permutation"),
        ({"blobs": ["y"]}, "is not a conversion's map"),
        ({"preprocessing": None}, "is not a conversion's map"),
        ({"input_shapes": {"x": ["a"]}}, "is not a conversion's map"),
    ],
)
def test_a_broken_map_is_refused(change: dict, message: str, tmp_path: Path) -> None:
    path = tmp_path / "net.map.json"
    path.write_text(json.dumps(RECORD), "utf-8")
    assert mapping.beside(tmp_path / "net.prototxt") == mapping.read(path)
    assert mapping.read(path).channel_orders == {"y": (1, 0)}
    path.write_text(json.dumps({**RECORD, **change}), "utf-8")
    with pytest.raises(InvalidInput, match=message):
        mapping.read(path)
    path.write_text("{", "utf-8")
    with pytest.raises(InvalidInput, match="it is not JSON"):
        mapping.read(path)
    assert mapping.beside(tmp_path / "other.prototxt") is None
