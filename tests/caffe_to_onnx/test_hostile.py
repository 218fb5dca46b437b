"""Files that want time or memory: one sentence within a second, and no memory for what they only claim."""

from __future__ import annotations

import time
import tracemalloc
from pathlib import Path

import pytest

from converters.caffe import files
from converters.caffe_to_onnx import convert
from converters.errors import ToolkitError
from tests.caffe_to_onnx.networks import layer

MOST_SECONDS, MOST_BYTES = 1.0, 64 * 2**20
NET = 'input: "x" input_dim: [1, 2, 6, 6] '
HUGE = 'input: "x" input_dim: [1, 1, 40000, 40000] '
BOMBS = {
    "nesting": NET + "layer " + "{ a " * 100_000,
    "nesting in brackets": "layer { x: " + "[" * 100_000,
    "a list without an end": NET + "layer { q_param { z: [1, 2",
    "a million fields": 'input: "x" ' + "input_dim: 1 " * 300_000,
    "many megabytes": "# " + "x" * (9 * 2**20),
    "a number of a thousand digits": f'input: "x" input_dim: [1, {"9" * 1000}, 2, 2] ',
    "a dimension below zero": 'input: "x" input_dim: [1, -2, 2, 2] ' + layer("ReLU", "r", "x"),
    "outputs without weights": NET
    + layer("InnerProduct", "l", "x", "", "inner_product_param { num_output: 4294967295 }"),
    "a tile of billions": NET + layer("Tile", "l", "x", "", "tile_param { tiles: 2147483647 }"),
    "a kernel of the whole image": HUGE + layer("Im2col", "l", "x", "", "convolution_param { kernel_size: 30000 }"),
    "a window for every number": HUGE
    + layer("Pooling", "l", "x", "", "pooling_param { pool: AVE kernel_size: 3 pad: 1 }"),
    "a pyramid of two thousand million levels": NET
    + layer("SPP", "l", "x", "", "spp_param { pyramid_height: 2147483647 }"),
    "slices beyond the end": NET + layer("Slice", "l", "x", "a b", "slice_param { slice_point: 4000000000 }"),
    "a Reshape of everything": NET + layer("Reshape", "l", "x", "", "reshape_param { axis: -9 num_axes: 99 }"),
    "an unknown enum": NET + layer("Pooling", "l", "x", "", "pooling_param { pool: EVERY kernel_size: 2 }"),
    "no name and no type": NET + 'layer { bottom: "x" top: "y" }',
}


@pytest.mark.parametrize("name", BOMBS)
def test_one_sentence_in_a_second(name: str, tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_text(BOMBS[name])
    tracemalloc.start()
    began = time.process_time()
    try:
        with pytest.raises(ToolkitError) as caught:
            convert(files.read(path), where=str(path))
        seconds, peak = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 1000
    assert seconds <= MOST_SECONDS * 3, "three times as much, since memory is traced"
    assert peak <= MOST_BYTES


def test_a_comment_in_another_encoding_is_read_and_a_name_is_not(tmp_path: Path) -> None:
    path = tmp_path / "net.prototxt"
    path.write_bytes(b"# \xb2\xe2\xca\xd4\n" + (NET + layer("ReLU", "a#b", "x")).encode())
    assert [one.name for one in files.read(path).layers] == ["x", "a#b"]
    path.write_bytes(
        (NET + layer("ReLU", "name", "x")).encode().replace(b"name:", b"name:", 1).replace(b'"name"', b'"\xb2"')
    )
    with pytest.raises(ToolkitError, match="not a prototxt that can be read"):
        files.read(path)
