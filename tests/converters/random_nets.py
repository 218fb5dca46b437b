"""Small nets of random Caffe layers, one after the other, to find what an engine makes of their neighbourhood."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import prod

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, emit
from converters.caffe.net import Net
from converters.errors import Unsupported

SHAPES = ((1, 4, 6, 6), (2, 3, 7, 5), (2, 4, 4, 4), (2, 1, 5, 5), (2, 5, 3), (1, 4, 8), (3, 5))
PLAIN = ("Sigmoid", "TanH", "AbsVal", "ELU", "BNLL")
Step = Callable[[], Blob]


def random_net(seed: int) -> tuple[Net, dict[str, np.ndarray]]:
    """A net of three to six layers from input x0 to output y, and what to feed."""
    choose = random.Random(seed)
    x = layers.input_("x0", choose.choice(SHAPES))
    made = [x]
    while len(made) < choose.randrange(4, 8):
        step = choose.choice(_steps(made, choose))
        try:
            made.append(step())
        except Unsupported:
            continue
    feeds = {"x0": np.random.default_rng(seed).uniform(-2, 2, x.shape).astype(np.float32)}
    return emit("net", {"x0": x, "y": layers.power(made[-1], scale=1.5)}, ["y"], [x]), feeds


def weights(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).uniform(0.3, 1.2, shape).astype(np.float32)


def _steps(made: list[Blob], choose: random.Random) -> list[Step]:
    x = made[-1]
    steps = [*_neurons(x, choose), *_channelwise(x, choose), *_joins(x)]
    if x.rank == 4 and min(x.shape[2:]) >= 3:
        steps += _images(x, choose)
    if x.rank >= 3:
        steps.append(lambda: layers.inner_product(x, weights(x.shape[1], x.shape[-1]), axis=x.rank - 1))
    for old in made[:-1]:
        if old.shape == x.shape:
            steps += [lambda old=old: layers.add(x, old), lambda old=old: layers.eltwise("SUM", old, x, coeff=(0.5, 2))]
            steps += [lambda old=old: layers.mul(old, x), lambda old=old: layers.eltwise("MAX", x, old)]
    return steps


def _neurons(x: Blob, choose: random.Random) -> list[Step]:
    kind = choose.choice(PLAIN)
    return [
        lambda: layers.neuron(kind, x),
        lambda: layers.relu(x),
        lambda: layers.relu(x, 0.1),
        lambda: layers.power(x, scale=0.5, shift=0.5),
        lambda: layers.power(x, shift=0.5),
        lambda: layers.power(x, power=2, scale=0.5),
        lambda: layers.scale(x, weights(), weights(), axis=0),
        lambda: layers.softmax(x, choose.randrange(x.rank)),
    ]


def _channelwise(x: Blob, choose: random.Random) -> list[Step]:
    c, axis = x.shape[1], choose.randrange(x.rank)
    run = x.shape[axis : choose.randrange(axis + 1, x.rank + 1)]
    return [
        lambda: layers.batch_norm(x, weights(c), weights(c), 1e-3),
        lambda: layers.scale(x, weights(c), weights(c)),
        lambda: layers.scale(x, weights(*run), weights(*run) if choose.random() < 0.5 else None, axis=axis),
        lambda: layers.prelu(x, weights(c)),
        lambda: layers.scale_by(x, layers.neuron("Sigmoid", x), axis=0),
    ]


def _joins(x: Blob) -> list[Step]:
    n, c = x.shape[:2]
    return [
        lambda: layers.concat(1, *reversed(layers.slices(x, 1, [1] if c > 1 else []))),
        lambda: layers.concat(0, x, layers.relu(x)),
        lambda: layers.mul(x, layers.neuron("Sigmoid", x)),
        lambda: layers.sub(layers.relu(x), x),
        lambda: layers.reshape(x, (n, c, prod(x.shape[2:]))),
        lambda: layers.reshape(x, (1, n * c, *x.shape[2:], *(1,) * (4 - x.rank))),
        lambda: layers.inner_product(x, weights(5, prod(x.shape[1:])), weights(5)),
    ]


def _images(x: Blob, choose: random.Random) -> list[Step]:
    c, out = x.shape[1], choose.choice((4, x.shape[1]))
    bias = [weights(out)] if choose.random() < 0.5 else [None]
    halves = weights(c, 2, 2, 2)
    return [
        lambda: layers.convolution(x, weights(out, c, 3, 3), *bias, pad=(1, 1)),
        lambda: layers.depthwise(x, weights(c, 1, 3, 3), pad=(1, 1)),
        lambda: layers.convolution(x, weights(c, out, 2, 2), *bias, stride=(2, 2), transposed=True),
        lambda: layers.convolution(x, weights(c, 1, 2, 2), stride=(2, 2), group=c, transposed=True),
        lambda: layers.convolution(x, halves, stride=(2, 2), group=2 - c % 2, transposed=True),
        lambda: layers.pooling(x, "MAX", (2, 2), stride=(2, 2)),
        lambda: layers.pooling(x, "AVE", (3, 3), pad=(1, 1)),
        lambda: layers.neuron("LRN", x, lrn_param={"local_size": 3, "alpha": 0.5}),
        lambda: layers.neuron("MVN", x, mvn_param={"normalize_variance": False}),
        lambda: layers.pooling(x, "MAX", (1, 2), stride=(choose.randrange(1, 4), 2), pad=(0, 1)),
    ]
