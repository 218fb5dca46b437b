"""Means of large planes are taken in two steps, where the dialect can."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from converters.caffe import layers
from converters.caffe.graph import emit
from converters.caffe.passes.tiled_mean import LARGE, tiled_mean
from converters.caffe.places import Context
from converters.caffe.values import spatial
from converters.onnx_to_caffe import convert_file


@pytest.mark.parametrize(
    "plane, tile",
    [
        ((32, 32), None),
        ((33, 32), (1, 32)),
        ((160, 160), (1, 160)),
        ((80, 120), (4, 24)),
        ((1, 6400), (1, 80)),
        ((6400, 1), (80, 1)),
        ((37, 41), (1, 41)),
        ((1, 1031), None),  # a prime
    ],
)
def test_the_tile_divides_the_plane(plane: tuple[int, int], tile: tuple[int, int] | None) -> None:
    x = layers.input_("x", (1, 2, *plane))
    net = tiled_mean(emit("n", {"x": x, "y": layers.global_pooling(x, "AVE")}, ["y"], [x]), Context()).net
    pools = [item for item in net.layers if item.type == "Pooling"]
    assert [tuple(spatial(one.values, "kernel_size", 2)) for one in pools[:-1]] == ([tile] if tile else [])
    assert all(tuple(spatial(one.values, "stride", 2)) == tile for one in pools[:-1])
    assert pools[-1].params["pooling_param"] == {"pool": "AVE", "global_pooling": True}
    assert net.layers[-1].tops == ("y",)


def test_a_plane_without_equal_tiles_says_so() -> None:
    x = layers.input_("x", (1, 2, 1, 1031))
    done = tiled_mean(emit("n", {"x": x, "y": layers.global_pooling(x, "AVE")}, ["y"], [x]), Context())
    assert [note.reason for note in done.notes] == ["a plane of 1 x 1031 has no equal tiles"]


def test_a_maximum_is_taken_in_one_step() -> None:
    x = layers.input_("x", (1, 2, LARGE, 2))
    net = emit("n", {"x": x, "y": layers.global_pooling(x, "MAX")}, ["y"], [x])
    assert tiled_mean(net, Context()).net is net


def test_a_chip_without_such_a_kernel_takes_it_in_one(tmp_path: Path) -> None:
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["x"], ["y"])],
        "mean",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 2, 64, 64))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 2, 1, 1))],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), tmp_path / "m.onnx")
    (tmp_path / "chip.toml").write_text(
        'title = "a chip"\nbase = "portable"\n[layer.Pooling]\nmax_stride = 7\n', "utf-8"
    )
    for dialect, count in (("portable", 2), (str(tmp_path / "chip.toml"), 1)):
        done = convert_file(tmp_path / "m.onnx", tmp_path / "net", dialect=dialect)
        assert done.layers["Pooling"] == count


def test_the_rounding_shrinks() -> None:
    """What the two orders of adding cost, in float32 as engines add: one number after the other."""
    x = np.random.default_rng(0).normal(size=(100, 160, 160)).astype(np.float32)
    exact = x.astype(np.float64).mean(axis=(1, 2))
    once = np.add.accumulate(x.reshape(100, -1), axis=1)[:, -1] / np.float32(160 * 160)
    rows = np.add.accumulate(x, axis=2)[:, :, -1] / np.float32(160)
    twice = np.add.accumulate(rows, axis=1)[:, -1] / np.float32(160)
    assert np.square(twice - exact).mean() < np.square(once - exact).mean() / 25
