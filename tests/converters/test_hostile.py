"""Models that ask for too much, or mean nothing: a sentence and nothing written, before any memory is taken."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper

from converters.errors import InvalidInput, ToolkitError
from converters.onnx_to_caffe import convert_file

MEMORY = 4 << 30  # bytes of address space for the process that tries
INTEGERS = "r = Cast<to=1>(i); y = Add(x, r)"

HUGE = {
    "range": (
        "float[1] x",
        f"i = Range(zero, huge, one); {INTEGERS}",
        "Range 'i': gives a constant of 100,000,000,000",
    ),
    "range_in_a_function": (
        "float[1,1] x",
        "s = Swish(x); i = Range(zero, huge, one); r = Cast<to=1>(i); y = Add(s, r)",
        "Range 'i': gives a constant of 100,000,000,000",
    ),
    "expand": (
        "float[1,1,1,1] x",
        "c = Expand(k, shape); y = Add(x, c)",
        "Expand 'c': gives a constant of 30,000,000,000",
    ),
    "filled": ("float[1,1,1,1] x", "c = ConstantOfShape(shape); y = Add(x, c)", "gives a constant of 30,000,000,000"),
    "product": (
        "float[1] x",
        "c = MatMul(column, row); y = Add(x, c)",
        "MatMul 'c': gives a constant of 3,600,000,000",
    ),
    "tile": ("float[1,3,8,8] x", "y = Tile(x, repeats)", "over Caffe's limit"),
    "pads": ("float[1,3,8,8] x", "y = Pad(x, pads)", "over Caffe's limit"),
    "input": ("float[1,1000000,100000,1000] x", "y = Relu(x)", "input 'x': has 100,000,000,000,000 numbers"),
}
CONSTANTS = """
    zero = Constant<value = int64 {0}>()
    one = Constant<value = int64 {1}>()
    huge = Constant<value = int64 {100000000000}>()
    k = Constant<value = float[1] {1.0}>()
    shape = Constant<value = int64[4] {1, 3, 100000, 100000}>()
    long = Constant<value = int64[2] {60000, 1}>()
    wide = Constant<value = int64[2] {1, 60000}>()
    column = ConstantOfShape(long)
    row = ConstantOfShape(wide)
    repeats = Constant<value = int64[4] {1, 100000, 1000, 1}>()
    pads = Constant<value = int64[8] {0, 0, 100000, 100000, 0, 0, 100000, 100000}>()
"""


def written(folder: Path, inputs: str, body: str, opset: int) -> Path:
    lines = CONSTANTS + body.replace(";", "\n")
    text = f'<ir_version: 10, opset_import: ["" : {opset}]> net ({inputs}) => (float y) {{{lines}}}'
    path = folder / "net.onnx"
    onnx.save(onnx.parser.parse_model(text), path)
    return path


@pytest.mark.parametrize("name", HUGE)
def test_no_memory_is_taken_for_what_is_refused(name: str, tmp_path: Path) -> None:
    inputs, body, expected = HUGE[name]
    path = written(tmp_path, inputs, body, 24 if "function" in name else 18)
    done = subprocess.run(
        [sys.executable, "-m", "toolkit", "onnx-to-caffe", path, "-o", tmp_path / "out"],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert done.stderr.startswith("error: 1 node(s) can't be converted:"), done.stderr
    assert expected in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]


BROKEN = {
    "no groups": ("w = Constant<value = float[1,1,1,1] {1.0}>(); y = Conv<group=0>(x, w)", "0 groups"),
    "index out of range": (
        "i = Constant<value = int64[1] {9}>(); g = Gather(k, i); y = Add(x, g)",
        "can't be computed|not valid",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_means_nothing_is_a_sentence(name: str, tmp_path: Path) -> None:
    body, expected = BROKEN[name]
    path = written(tmp_path, "float[1,3,8,8] x", body, 18)
    with pytest.raises(ToolkitError, match=expected):
        convert_file(path, tmp_path / "out")


def test_an_opset_that_is_named_twice(tmp_path: Path) -> None:
    """`onnx.compose` writes both names of ONNX's own domain; the version converter would change only one of them."""
    node = helper.make_node("ReduceMax", ["x"], ["y"], axes=[1], keepdims=0)
    sizes = {"x": [1, 3, 4], "y": [1, 4]}
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name, size in sizes.items()]
    graph = helper.make_graph([node], "g", ends[:1], ends[1:])
    for second, fits in ((13, True), (17, False)):
        opsets = [helper.make_opsetid("", 13), helper.make_opsetid("ai.onnx", second)]
        path = tmp_path / "net.onnx"
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)
        if fits:
            assert convert_file(path, tmp_path / "net").layers["Pooling"] == 1
        else:
            with pytest.raises(InvalidInput, match="names two opsets, 13 and 17"):
                convert_file(path, tmp_path / "net")


def test_an_opset_of_the_future(tmp_path: Path) -> None:
    path = written(tmp_path, "float[1] x", "y = Relu(x)", 18)
    model = onnx.load(path)
    model.opset_import[0].version = 999
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ToolkitError, match="opset 999 is newer than"):
        convert_file(path, tmp_path / "out")


NONSENSE = {
    "a flag that is none": ("y = MaxPool<kernel_shape=[2,2], strides=[2,2], ceil_mode=5>(x)", "ceil_mode=5"),
    "an endless stride": ("y = LpPool<kernel_shape=[2,1], strides=[1099511627776,3]>(x)", "32 bits"),
    "an image beyond int": (
        "w = ConstantOfShape(kernel); y = ConvTranspose<strides=[2147483647,2], output_shape=[10,16]>(x, w)",
        "over Caffe's limit|a pad of",
    ),
    "a bias of another shape": (
        "s = Constant<value = int64[3] {24,1,8}>(); t = Reshape(x, s); a = Constant<value = int64[3] {1,12,8}>(); "
        "w = ConstantOfShape(a); q = Constant<value = int64[3] {1,12,4}>(); r = ConstantOfShape(q); "
        "y = GRU<hidden_size=4>(t, w, r, r)",
        "weights of",
    ),
    "a shift with too many axes": ("y = LayerNormalization<axis=3>(x, kernel_like)", "do not fit|not valid|a factor"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_by_name(name: str, tmp_path: Path) -> None:
    body, expected = NONSENSE[name]
    more = "kernel = Constant<value = int64[4] {3,3,3,3}>(); kernel_like = ConstantOfShape(kernel); "
    path = written(tmp_path, "float[1,3,8,8] x", more + body, 18)
    with pytest.raises(ToolkitError, match=expected):
        convert_file(path, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]
