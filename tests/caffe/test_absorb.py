"""Pads and transposes go where weights or a layer's own padding can take them, and stay where they can't.

That the numbers stay the same is what the rows of tests/cases/folding.py say, in every engine.
"""

from __future__ import annotations

import numpy as np
import pytest

from converters.caffe import layers
from converters.caffe.graph import Blob, emit, layer
from converters.caffe.net import Net
from converters.caffe.passes.absorb_pads import absorb_pads
from converters.caffe.passes.absorb_transposes import absorb_transposes
from converters.caffe.passes.activation_after_pool import activation_after_pool
from converters.caffe.places import Context, Result

RNG = np.random.default_rng(5)
X = layers.input_("x", (2, 4, 9, 8))
NOTHING = Context()
LAST, FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def pad(x: Blob, up: int = 1, down: int = 1, left: int = 1, right: int = 1, **more: object) -> Blob:
    return layer("Pad", x, pad_param={"pad_u": up, "pad_d": down, "pad_l": left, "pad_r": right, **more}).tops[0]


def conv(x: Blob, kernel: int = 3, **options: object) -> Blob:
    return layers.convolution(x, weights(5, x.shape[1], kernel, kernel), **options)


def net_of(*outputs: Blob) -> Net:
    names = {f"y{number}": blob for number, blob in enumerate(outputs)}
    return emit("n", {"x": X, **names}, list(names), [X])


def assert_says(done: Result, why_not: str) -> None:
    """The pass says why it left a layer alone, or has nothing to say."""
    reasons = [note.reason for note in done.notes]
    assert any(why_not in reason for reason in reasons) if why_not else not reasons


def kinds(net: Net) -> list[str]:
    return [item.type for item in net.layers if item.type not in ("Input", "Silence")]


@pytest.mark.parametrize(
    "y, expected, why_not",
    [
        (conv(pad(X)), ["Convolution"], ""),
        (conv(pad(X, 0, 1, 2, 3), stride=(2, 2)), ["Convolution"], ""),
        (conv(layers.relu(pad(X))), ["ReLU", "Convolution"], ""),
        (conv(layers.neuron("Sigmoid", pad(X))), ["Pad", "Sigmoid", "Convolution"], "nor leave them zero"),
        (conv(layers.neuron("Gelu", pad(X))), ["Gelu", "Convolution"], ""),
        (conv(layers.neuron("Floor", pad(X))), ["Floor", "Convolution"], ""),
        (conv(pad(X, pad_value=1.0)), ["Pad", "Convolution"], "does not pad with zeros"),
        (conv(pad(X, pad_type="REFLECT")), ["Pad", "Convolution"], "does not pad with zeros"),
        (conv(pad(X, -1)), ["Pad", "Convolution"], "cuts"),
        (layers.pooling(pad(layers.relu(X)), "MAX", (3, 3), floor=True), ["ReLU", "Pooling"], ""),
        (layers.pooling(pad(X), "MAX", (3, 3), floor=True), ["Pad", "Pooling"], "a number may be negative"),
        (
            layers.pooling(pad(layers.relu(X, 0.1)), "MAX", (3, 3), floor=True),
            ["ReLU", "Pad", "Pooling"],
            "a number may be negative",
        ),
        (
            layers.pooling(pad(layers.relu(X), 0, 1), "MAX", (3, 3), floor=True),
            ["ReLU", "Pad", "Pooling"],
            "pads both ends alike",
        ),
        (
            layers.pooling(pad(pad(layers.relu(X))), "MAX", (3, 3), floor=True),
            ["ReLU", "Pad", "Pooling"],
            "Pad can't hold the zeros",
        ),
        (
            layers.pooling(pad(pad(layers.relu(X), pad_value=-1.0)), "MAX", (3, 3)),
            ["ReLU", "Pad", "Pad", "Pooling"],
            "a number may be negative",
        ),
        (layers.pooling(pad(layers.neuron("HardSigmoid", X)), "MAX", (3, 3)), ["HardSigmoid", "Pooling"], ""),
        (layers.pooling(pad(X), "AVE", (3, 3), floor=True), ["Pooling"], ""),
        (layers.pooling(pad(X, 3, 3, 3, 3), "AVE", (3, 3), floor=True), ["Pad", "Pooling"], "smaller than the window"),
        (
            layers.pooling(pad(X), "AVE", (3, 3), pad=(1, 1), floor=True),
            ["Pad", "Pooling"],
            "pads by itself already",
        ),
        (layers.global_pooling(pad(X), "AVE"), ["Pad", "Pooling"], "a global pooling can't have padding"),
        (layers.softmax(pad(X), 1), ["Pad", "Softmax"], "Softmax can't hold the zeros"),
    ],
)
def test_pads(y: Blob, expected: list[str], why_not: str) -> None:
    done = absorb_pads(net_of(y), NOTHING)
    assert kinds(done.net) == expected
    assert_says(done, why_not)


def test_a_pad_serves_some_readers_and_stays_for_the_others() -> None:
    padded = pad(X)
    assert kinds(absorb_pads(net_of(conv(padded), conv(padded, 5)), NOTHING).net) == ["Convolution", "Convolution"]
    assert kinds(absorb_pads(net_of(conv(padded), layers.softmax(padded, 1)), NOTHING).net) == [
        "Pad",
        "Convolution",
        "Softmax",
    ]
    both = layers.relu(padded)
    done = absorb_pads(net_of(layers.softmax(both, 1), padded), NOTHING)
    assert kinds(done.net) == ["Pad", "ReLU", "Softmax", "Reshape"], "an output that is read has a layer of its own"


def test_pads_of_a_convolution_add_up() -> None:
    net = absorb_pads(net_of(conv(pad(X, 1, 1, 2, 2), pad=(1, 1))), NOTHING).net
    param = net.layers[-1].params["convolution_param"]
    assert (param["pad_h"], param["pad_w"], param["kernel_size"]) == (2, 3, 3)


def last(x: Blob) -> Blob:
    return layers.permute(x, LAST)


def matrix(x: Blob, columns: int = 5, axis: int = 3) -> Blob:
    return layers.inner_product(x, weights(columns, x.shape[-1]), axis=axis)


def gelu(x: Blob) -> Blob:
    return layers.neuron("Gelu", x)


FLAT = layers.flatten(last(X))
TWO_SUMMED = layers.add(last(X), last(layers.relu(X)))


@pytest.mark.parametrize(
    "y, expected, why_not",
    [
        (layers.inner_product(FLAT, weights(3, 288)), ["Flatten", "InnerProduct"], ""),
        (layers.inner_product(layers.reshape(last(X), (2, 288)), weights(3, 288)), ["Flatten", "InnerProduct"], ""),
        (layers.permute(matrix(last(X)), FIRST), ["Convolution"], ""),
        (layers.permute(matrix(layers.relu(matrix(last(X)))), FIRST), ["Convolution", "ReLU", "Convolution"], ""),
        (layers.permute(matrix(gelu(matrix(last(X)))), FIRST), ["Convolution", "Gelu", "Convolution"], ""),
        (layers.permute(layers.scale(last(X), weights(4), axis=3), FIRST), ["Scale"], ""),
        (layers.permute(TWO_SUMMED, FIRST), ["ReLU", "Eltwise"], ""),
        *(
            (layers.permute(layers.neuron(kind, last(X)), FIRST), [kind], "")
            for kind in ("Gelu", "Erf", "Round", "Sin")
        ),
        (matrix(last(X), 2), ["Convolution", "Permute"], ""),  # half as many numbers behind it
        (matrix(last(X), 8), ["Permute", "InnerProduct"], "would leave 1,152 numbers to transpose, now 576"),
        (layers.softmax(last(X), 3), ["Permute", "Softmax"], "would not do the same before the transpose"),
        (layers.relu(layers.permute(X, (0, 1, 3, 2))), ["Permute", "ReLU"], "576 numbers to transpose, now 576"),
        (layers.add(last(X), layers.reshape(X, last(X).shape)), ["Permute", "Reshape", "Eltwise"], "in other ways"),
    ],
)
def test_transposes(y: Blob, expected: list[str], why_not: str) -> None:
    done = absorb_transposes(net_of(y), NOTHING)
    assert kinds(done.net) == expected
    assert_says(done, why_not)


def test_a_transpose_that_moves_the_batch_stays() -> None:
    moved = layers.permute(X, (1, 0, 2, 3))
    y = layers.inner_product(layers.flatten(moved), weights(3, 144))
    done = absorb_transposes(net_of(y), NOTHING)
    assert kinds(done.net) == ["Permute", "Flatten", "InnerProduct"]
    assert_says(done, "the transpose moves the batch")


def test_columns_come_in_the_order_of_the_source() -> None:
    weight = weights(3, 288)
    net = absorb_transposes(net_of(layers.inner_product(FLAT, weight)), NOTHING).net
    x = RNG.normal(size=X.shape).astype(np.float32)
    want = x.transpose(LAST).reshape(2, -1) @ weight.T
    assert np.allclose(x.reshape(2, -1) @ np.asarray(net.layers[-1].blobs[0]).T, want, rtol=1e-4, atol=1e-4)


def test_a_transpose_with_two_readers_serves_both() -> None:
    """One reader takes it into its weights, the other keeps it: not one more is made."""
    y = layers.inner_product(FLAT, weights(3, 288))
    net = absorb_transposes(net_of(y, layers.softmax(FLAT.node.bottoms[0], 3)), NOTHING).net
    assert kinds(net).count("Permute") == 1


def best(x: Blob, **options: object) -> Blob:
    return layers.pooling(x, "MAX", (3, 3), **{"stride": (2, 2), **options})


@pytest.mark.parametrize(
    "y, expected, why_not",
    [
        (best(layers.relu(conv(X))), ["Convolution", "Pooling", "ReLU"], ""),
        (best(layers.relu(conv(X)), pad=(1, 1)), ["Convolution", "Pooling", "ReLU"], ""),
        (best(layers.clip(conv(X), -1, 6)), ["Convolution", "Pooling", "Clip"], ""),
        (layers.global_pooling(layers.relu(X), "MAX"), ["Pooling", "ReLU"], ""),
        (best(layers.relu(X, -0.1)), ["ReLU", "Pooling"], "falls below zero"),
        (best(layers.relu(X), stride=(1, 1)), ["ReLU", "Pooling"], "saves nothing"),
        (best(layers.relu(X), stride=(4, 4)), ["ReLU", "Pooling"], "a window of it may be empty"),
        (layers.pooling(layers.relu(X), "AVE", (3, 3), stride=(2, 2)), ["ReLU", "Pooling"], ""),
        (best(layers.neuron("AbsVal", X)), ["AbsVal", "Pooling"], ""),
    ],
)
def test_activations_after_a_maximum(y: Blob, expected: list[str], why_not: str) -> None:
    done = activation_after_pool(net_of(y), NOTHING)
    assert kinds(done.net) == expected
    assert_says(done, why_not)


def test_an_activation_that_others_read_stays() -> None:
    r = layers.relu(X)
    done = activation_after_pool(net_of(best(r), r), NOTHING)
    assert kinds(done.net) == ["ReLU", "Pooling", "Reshape"]
    assert_says(done, "the ReLU before it has other readers")
    both = layers.concat(1, best(r), layers.pooling(r, "AVE", (3, 3), stride=(2, 2)))
    assert kinds(activation_after_pool(net_of(both), NOTHING).net) == ["ReLU", "Pooling", "Pooling", "Concat"]
