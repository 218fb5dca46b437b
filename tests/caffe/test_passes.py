"""Folding and in-place layers: they happen where they are safe, and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob, emit
from converters.caffe.net import Layer, Net
from converters.caffe.passes.eliminate_shuffles import eliminate_shuffles
from converters.caffe.passes.fold import fold, fold_rewrites
from converters.caffe.passes.in_place import in_place
from converters.caffe.passes.merge_duplicates import merge_duplicates
from converters.caffe.places import Context, Place, Result

RNG = np.random.default_rng(3)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def network(x: Blob, **named: Blob) -> Net:
    return emit("n", {"x": x, **named}, [list(named)[-1]], [x])


def folded(net: Net) -> Net:
    return fold(net, Context()).net


def merged(net: Net) -> Net:
    return merge_duplicates(net, Context()).net


def overwritten(net: Net) -> tuple[Net, dict[str, str]]:
    """The net with layers in place, and what holds each blob that is still there."""
    done = in_place(net, Context())
    places = {top: done.moves.get(top, Place(top)) for item in net.layers for top in item.tops}
    return done.net, {name: place.blob for name, place in places.items() if place.blob}


def kinds(net: Net) -> list[str]:
    return [layer.type for layer in net.layers if layer.type != "Input"]


def normalised(x: Blob) -> Blob:
    c = x.shape[1]
    y = layers.batch_norm(x, weights(c), np.abs(weights(c)) + 0.5, 1e-3)
    return layers.scale(y, weights(c), weights(c))


def test_batch_norm_goes_into_the_convolution_before_it() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    net = folded(network(x, y=normalised(layers.convolution(x, weights(6, 2, 3, 3), group=2))))
    assert kinds(net) == ["Convolution"]
    assert net.layers[-1].name == "y"
    assert [blob.shape for blob in net.layers[-1].blobs] == [(6, 2, 3, 3), (6,)]


def reasons(done: Result) -> str:
    return "\n".join(note.reason for note in done.notes)


def test_what_stays_says_why() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    twice = fold(network(x, c=c, y=layers.add(normalised(c), c)), Context())
    assert "the Convolution before it has other readers" in reasons(twice)
    padded = fold(network(x, y=layers.convolution(normalised(x), weights(4, 4, 3, 3), pad=(1, 1))), Context())
    assert "the padding of the Convolution behind it would see the shift" in reasons(padded)
    assert [note.layer for note in padded.notes] == [padded.net.layers[1].name]
    rounded = fold(network(x, y=layers.power(c, shift=3 * 2.0**22)), Context())
    assert "rounding is part of the result" in reasons(rounded)
    assert not fold(network(x, y=normalised(c)), Context()).notes
    shared = in_place(network(x, c=c, y=layers.add(layers.relu(c), c)), Context())
    assert "its input has other readers" in reasons(shared)


def test_a_shuffle_that_nothing_absorbs_says_why() -> None:
    """Neither the input nor the output can have its channels in another order, and sixteen pieces are too many."""
    x = layers.input_("x", (1, 16, 4, 4))
    before = network(x, y=layers.relu(layers.shuffle_channel(x, 8)))
    done = eliminate_shuffles(before, Context())
    assert done.net is before
    assert "its channels would come in 16 pieces, more than 8: it stays a layer" in reasons(done)


def test_folding_stops_where_the_value_is_read_twice() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    net = folded(network(x, c=c, y=layers.add(normalised(c), c)))
    assert kinds(net) == ["Convolution", "Scale", "Eltwise"], "BatchNorm and Scale merge, the convolution stays"


def test_a_shift_does_not_cross_padding() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    padded = folded(network(x, y=layers.convolution(normalised(x), weights(4, 3, 3, 3), pad=(1, 1))))
    assert kinds(padded) == ["Scale", "Convolution"]
    bare = folded(network(x, y=layers.convolution(normalised(x), weights(4, 3, 3, 3))))
    assert kinds(bare) == ["Convolution"]
    factor_alone = folded(network(x, y=layers.convolution(layers.power(x, scale=2), weights(4, 3, 3, 3), pad=(1, 1))))
    assert kinds(factor_alone) == ["Convolution"]


def test_a_power_that_is_not_linear_stays() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    net = folded(network(x, y=layers.power(layers.convolution(x, weights(4, 3, 1, 1)), power=2)))
    assert kinds(net) == ["Convolution", "Power"]


def test_scale_of_another_axis_stays() -> None:
    x = layers.input_("x", (1, 3, 3, 3))
    net = folded(network(x, y=layers.scale(layers.convolution(x, weights(3, 3, 1, 1)), weights(3), axis=2)))
    assert kinds(net) == ["Convolution", "Scale"]


def test_in_place_where_alone() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    c = layers.convolution(x, weights(3, 3, 1, 1))
    r = layers.relu(c)
    net, holds = overwritten(network(x, c=c, r=r, y=layers.global_pooling(r, "AVE")))
    assert [layer.tops for layer in net.layers] == [("x",), ("c",), ("c",), ("y",)]
    assert holds == {"x": "x", "r": "c", "y": "y"}, "c is overwritten, so nobody can read it any more"


def test_not_in_place_where_another_reads_inputs_or_outputs() -> None:
    x = layers.input_("x", (1, 3, 5, 5))
    c = layers.convolution(x, weights(3, 3, 1, 1))
    net, _ = overwritten(network(x, c=c, y=layers.add(layers.relu(c), c)))
    assert all(layer.tops != layer.bottoms for layer in net.layers)
    net, _ = overwritten(network(x, r=layers.relu(x), y=layers.convolution(layers.relu(x), weights(3, 3, 1, 1))))
    assert all(layer.tops != layer.bottoms for layer in net.layers), "the network's input is the caller's"
    net, _ = overwritten(network(x, c=c, y=layers.relu(c)))
    assert net.layers[-1].tops == ("y",), "an output keeps its name"


def test_not_in_place_behind_an_alias_that_others_read() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    flat = layers.reshape(c, (1, 4, 25))
    aliased, _ = overwritten(network(x, c=c, y=layers.add(layers.reshape(layers.relu(flat), (1, 4, 5, 5)), c)))
    relu = next(layer for layer in aliased.layers if layer.type == "ReLU")
    assert relu.tops != relu.bottoms, "it would overwrite c, which the sum still reads"
    alone, _ = overwritten(network(x, c=c, y=layers.reshape(layers.relu(flat), (1, 2, 50))))
    relu = next(layer for layer in alone.layers if layer.type == "ReLU")
    assert relu.tops == relu.bottoms


def values(net: Net, x: np.ndarray) -> np.ndarray:
    """What the layers of these tests compute, by numpy."""
    found: dict[str, np.ndarray] = {"x": x.astype(np.float64)}
    for item in net.layers:
        if item.type != "Input":
            (y,) = (found[bottom] for bottom in item.bottoms)
            found[item.tops[0]] = COMPUTE[item.type](y, item)
    return found[net.outputs[0]]


def _power(y: np.ndarray, item: Layer) -> np.ndarray:
    param = item.params["power_param"]
    return (param.get("shift", 0) + param.get("scale", 1) * y) ** param.get("power", 1)


def _matrix(y: np.ndarray, item: Layer) -> np.ndarray:
    """An inner product, or a convolution of 1 x 1 and two groups."""
    weight, *bias = (np.asarray(blob, np.float64) for blob in item.blobs)
    if item.type == "Convolution":
        halves = [np.einsum("oi,nihw->nohw", w, part) for w, part in zip(
            np.split(weight[:, :, 0, 0], 2), np.split(y, 2, axis=1), strict=True)]  # fmt: skip
        return np.concatenate(halves, 1) + (bias[0].reshape(1, -1, 1, 1) if bias else 0)
    return y.reshape(y.shape[0], -1) @ weight.T + (bias[0] if bias else 0)


def _scale(y: np.ndarray, item: Layer) -> np.ndarray:
    factor, *shift = (np.asarray(blob, np.float64).reshape(1, -1, *(1,) * (y.ndim - 2)) for blob in item.blobs)
    return y * factor + (shift[0] if shift else 0)


COMPUTE = {
    "Power": _power,
    "InnerProduct": _matrix,
    "Convolution": _matrix,
    "Scale": _scale,
    "ReLU": lambda y, item: np.maximum(y, 0),
    "Flatten": lambda y, item: y.reshape(y.shape[0], -1),
    "Reshape": lambda y, item: y.reshape([n or len(y) for n in item.params["reshape_param"]["shape"]["dim"]]),
}


def assert_folds(x: Blob, y: Blob, expected: list[str]) -> Net:
    """The layers that are left, and the same values."""
    before = network(x, y=y)
    after = folded(before)
    assert kinds(after) == expected
    feed = RNG.normal(size=x.shape)
    assert np.allclose(values(after, feed), values(before, feed), rtol=1e-5, atol=1e-5)
    return after


def test_scalars_in_a_row_are_one() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    y = layers.power(layers.power(layers.power(x, scale=2), shift=3), scale=-0.5, shift=1)
    net = assert_folds(x, y, ["Power"])
    assert net.layers[-1].params["power_param"] == {"scale": -1.0, "shift": -0.5}
    back = layers.power(layers.power(layers.relu(x), scale=2, shift=1), scale=0.5, shift=-0.5)
    assert_folds(x, back, ["ReLU"])


def test_affine_layers_go_into_an_inner_product() -> None:
    x = layers.input_("x", (2, 4))
    y = layers.inner_product(layers.power(layers.scale(x, weights(4), weights(4)), shift=2), weights(3, 4), weights(3))
    assert_folds(x, y, ["InnerProduct"])


def test_affine_layers_go_through_a_flatten() -> None:
    """A batch normalisation, Flatten, and the classifier: what face recognition ends with."""
    x = layers.input_("x", (2, 4, 3, 3))
    scaled = layers.scale(x, weights(4), weights(4))
    assert_folds(x, layers.inner_product(layers.flatten(scaled), weights(3, 36)), ["Flatten", "InnerProduct"])
    as_reshape = layers.reshape(scaled, (2, 36))
    assert_folds(x, layers.inner_product(as_reshape, weights(3, 36)), ["Reshape", "InnerProduct"])
    mixed = layers.inner_product(layers.reshape(scaled, (1, 72)), weights(3, 72))
    assert_folds(x, mixed, ["Scale", "Reshape", "InnerProduct"])


def test_affine_layers_go_into_a_grouped_convolution() -> None:
    x = layers.input_("x", (1, 4, 3, 3))
    y = layers.convolution(layers.scale(x, weights(4), weights(4)), weights(6, 2, 1, 1), weights(6), group=2)
    assert_folds(x, layers.power(y, scale=-1, shift=6), ["Convolution"])


def test_a_positive_factor_goes_through_a_relu() -> None:
    """relu(3 - x) / 6 and the like, which hard activations are made of."""
    x = layers.input_("x", (1, 4, 3, 3))
    y = layers.power(layers.relu(layers.power(x, scale=-1, shift=6)), scale=0.5)
    assert_folds(x, y, ["Power", "ReLU"])
    negative = layers.power(layers.relu(layers.power(x, shift=6)), scale=-0.5)
    assert_folds(x, negative, ["Power", "ReLU", "Power"])
    shifted = layers.power(layers.relu(layers.power(x, shift=6)), scale=0.5, shift=1)
    assert_folds(x, shifted, ["Power", "ReLU", "Power"])
    assert_folds(x, layers.power(layers.relu(x), scale=0.5), ["ReLU", "Power"])


def test_private_names_are_given_anew() -> None:
    """A name that stands for no value of the model must not stay on a layer that it does not fit."""
    x = layers.input_("x", (1, 4, 3, 3))
    c = layers.convolution(x, weights(4, 4, 1, 1))
    flipped = layers.power(c, scale=-1)
    public = {name: Context(dict.fromkeys(("x", "c", name), x.shape)) for name in ("y", "y/power")}
    before = emit("n", {"x": x, "c": c, "y/power": flipped, "y": layers.relu(flipped)}, ["y"], [x])
    assert [item.name for item in folded(before).layers] == ["x", "y/power", "y"]
    assert [item.name for item in fold_rewrites(before, public["y"]).net.layers] == ["x", "c/folded", "y"]
    assert [item.name for item in fold_rewrites(before, public["y/power"]).net.layers] == ["x", "y/power", "y"]


def test_layers_alike_are_one() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    w, b = weights(4, 4, 1, 1), weights(4)
    twice = [layers.relu(layers.convolution(x, w, b)) for _ in range(2)]
    net = merged(network(x, y=layers.add(*twice)))
    assert kinds(net) == ["Convolution", "ReLU", "Eltwise"]
    assert len(set(net.layers[-1].bottoms)) == 1
    few = [layers.scale(x, np.full(4, 2, np.float32)) for _ in range(2)]
    assert kinds(merged(network(x, y=layers.add(*few)))) == ["Scale", "Eltwise"]


def test_layers_that_differ_stay_two() -> None:
    x = layers.input_("x", (1, 4, 5, 5))
    w, big = weights(4, 4, 1, 1), weights(4, 4, 3, 3)
    for one, other in (
        (layers.convolution(x, w), layers.convolution(x, -w)),
        (layers.convolution(x, big), layers.convolution(x, big.copy())),  # other weights, for all that is known
        (layers.relu(x), layers.relu(x, 0.1)),
        (layers.relu(x), layers.relu(layers.power(x, shift=1))),
        (layers.pooling(x, "MAX", (2, 2)), layers.pooling(x, "AVE", (2, 2))),
        (layers.neuron("Dropout", x), layers.neuron("Dropout", x)),
    ):
        before = network(x, y=layers.add(one, other))
        assert merged(before) is before


def test_each_top_of_layers_alike() -> None:
    """The second halves come from one Slice, the outputs keep both their names."""
    x = layers.input_("x", (1, 4, 5, 5))
    a, b = (layers.slices(x, 1, [2])[1] for _ in range(2))
    net = merged(emit("n", {"x": x, "a": a, "b": b}, ["a", "b"], [x]))
    assert kinds(net) == ["Slice", "Silence", "Reshape", "Reshape"]
    assert {top for item in net.layers for top in item.tops} >= {"a", "b"}


@pytest.mark.parametrize("kind", ["ReLU", "Gelu", "Erf", "Round"])
def test_a_shuffle_goes_past_any_function_of_one_number(kind: str) -> None:
    x = layers.input_("x", (1, 6, 4, 4))
    shuffled = layers.shuffle_channel(layers.convolution(x, weights(6, 6, 1, 1)), 2)
    y = layers.convolution(layers.neuron(kind, shuffled), weights(4, 6, 1, 1))
    done = eliminate_shuffles(network(x, y=y), Context())
    assert kinds(done.net) == ["Convolution", kind, "Convolution"]
    assert not {"x", "y"} & done.moves.keys()
