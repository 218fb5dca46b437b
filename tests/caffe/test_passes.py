"""Folding and in-place layers: they happen where they are safe, and not where they are not."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, emit
from converters.caffe.net import Net
from converters.caffe.passes.fold import fold
from converters.caffe.passes.inplace import in_place

RNG = np.random.default_rng(3)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def network(x: Blob, **named: Blob) -> Net:
    return emit("n", {"x": x, **named}, [list(named)[-1]], [x])


def kinds(net: Net) -> list[str]:
    return [layer.type for layer in net.layers if layer.type != "Input"]


def normalised(x: Blob) -> Blob:
    c = x.shape[1]
    y = layers.batch_norm(x, weights(c), np.abs(weights(c)) + 0.5, 1e-3)
    return layers.scale(y, weights(c), weights(c))


def test_batch_norm_goes_into_the_convolution_before_it() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    net = fold(network(x, y=normalised(layers.convolution(x, weights(6, 2, 3, 3), group=2))))
    assert kinds(net) == ["Convolution"]
    assert net.layers[-1].name == "y"
    assert [blob.shape for blob in net.layers[-1].blobs] == [(6, 2, 3, 3), (6,)]


def test_folding_stops_where_the_value_is_read_twice() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    net = fold(network(x, c=c, y=layers.add(normalised(c), c)))
    assert kinds(net) == ["Convolution", "Scale", "Eltwise"], "BatchNorm and Scale merge, the convolution stays"


def test_a_shift_does_not_cross_padding() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    padded = fold(network(x, y=layers.convolution(normalised(x), weights(4, 3, 3, 3), pad=(1, 1))))
    assert kinds(padded) == ["Scale", "Convolution"]
    bare = fold(network(x, y=layers.convolution(normalised(x), weights(4, 3, 3, 3))))
    assert kinds(bare) == ["Convolution"]
    factor_alone = fold(network(x, y=layers.convolution(layers.power(x, scale=2), weights(4, 3, 3, 3), pad=(1, 1))))
    assert kinds(factor_alone) == ["Convolution"]


def test_a_power_that_is_not_linear_stays() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    net = fold(network(x, y=layers.power(layers.convolution(x, weights(4, 3, 1, 1)), power=2)))
    assert kinds(net) == ["Convolution", "Power"]


def test_scale_of_another_axis_stays() -> None:
    x = layers.input_("x", (1, 3, 3, 3))
    net = fold(network(x, y=layers.scale(layers.convolution(x, weights(3, 3, 1, 1)), weights(3), axis=2)))
    assert kinds(net) == ["Convolution", "Scale"]


def test_in_place_where_alone() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    c = layers.convolution(x, weights(3, 3, 1, 1))
    r = layers.relu(c)
    net, holds = in_place(network(x, c=c, r=r, y=layers.global_pooling(r, "AVE")))
    assert [layer.tops for layer in net.layers] == [("x",), ("c",), ("c",), ("y",)]
    assert holds == {"x": "x", "r": "c", "y": "y"}, "c is overwritten, so nobody can read it any more"


def test_not_in_place_where_another_reads_inputs_or_outputs() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    c = layers.convolution(x, weights(3, 3, 1, 1))
    net, _ = in_place(network(x, c=c, y=layers.add(layers.relu(c), c)))
    assert all(layer.tops != layer.bottoms for layer in net.layers)
    net, _ = in_place(network(x, r=layers.relu(x), y=layers.convolution(layers.relu(x), weights(3, 3, 1, 1))))
    assert all(layer.tops != layer.bottoms for layer in net.layers), "the network's input is the caller's"
    net, _ = in_place(network(x, c=c, y=layers.relu(c)))
    assert net.layers[-1].tops == ("y",), "an output keeps its name"


def test_not_in_place_behind_an_alias_that_others_read() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    flat = layers.reshape(c, (1, 4, 25))
    aliased, _ = in_place(network(x, c=c, y=layers.add(layers.reshape(layers.relu(flat), (1, 4, 5, 5)), c)))
    relu = next(layer for layer in aliased.layers if layer.type == "ReLU")
    assert relu.tops != relu.bottoms, "it would overwrite c, which the sum still reads"
    alone, _ = in_place(network(x, c=c, y=layers.reshape(layers.relu(flat), (1, 2, 50))))
    relu = next(layer for layer in alone.layers if layer.type == "ReLU")
    assert relu.tops == relu.bottoms
