"""Take raw images: put `(x * scale - mean) / std` and the swap of RGB and BGR into the network, at its input.

They are written as a Scale and a permutation of channels; folding and the elimination of shuffles then move them into
the first convolution where that is exact. Where it pads and the mean is not zero it is not: the Scale stays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, build, emitted, rebuild
from converters.caffe.net import Net
from converters.caffe.places import Context, Result
from converters.errors import ToolkitError
from converters.preprocessing import Preprocessing


def preprocessed(x: Blob, wanted: Preprocessing) -> Blob:
    """The layers that preprocess the raw image in an input blob (N, C, H, W)."""
    channels = x.shape[1]
    if wanted.swap:
        x = layers.concat(1, *reversed(layers.slices(x, 1, range(1, channels))))
    factor, shift = wanted.factor_and_shift(channels)
    if not (factor != 1).any() and not shift.any():
        return x
    bias = shift.astype(np.float32) if shift.any() else None
    return layers.scale(x, factor.astype(np.float32), bias)


def image_input(inputs: Sequence[Blob], wanted: Preprocessing) -> Blob:
    """The one input that preprocessing is meant for; ToolkitError where it is not clear or does not fit."""
    images = [blob for blob in inputs if blob.rank == 4]
    if len(images) != 1:
        raise ToolkitError(f"preprocessing needs one image input (N, C, H, W); there are {len(images)}")
    wanted.check(images[0].shape[1])
    return images[0]


def preprocess(net: Net, context: Context) -> Result:
    """Put the preprocessing, where some is asked for, between the image input and everything that reads it."""
    if not context.preprocessing:
        return Result(net)
    _, inputs = build(net)
    image = image_input(inputs, context.preprocessing)
    named: dict[str, Blob] = {}
    ends: list[Blob] = []
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        if item.type == "Input":
            ends.extend(node.tops)
            if item.name == image.node.name:
                named[item.tops[0]] = preprocessed(node.tops[0], context.preprocessing)
    raw = dict(zip(net.inputs, ends, strict=True))
    new = emitted(net.name, {**named, **raw}, net.outputs, ends)
    return Result(new.net, new.moves(named))
