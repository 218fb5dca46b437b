"""BatchNorm and the Scale behind it -> one BatchNorm with factor and shift of its own, as NVIDIA's Caffe writes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from converters.caffe.net import Layer, Net


def merge_scales(net: Net, kept: Collection[str]) -> Net:
    """The net with every BatchNorm merged with a Scale that alone reads it. Blobs in `kept` stay.

    The net has one blob a write (see caffe.unshare).
    """
    readers = Counter(bottom for layer in net.layers for bottom in layer.bottoms)
    norms = {layer.tops[0]: layer for layer in net.layers if layer.type == "BatchNorm" and len(layer.tops) == 1}
    merged: dict[str, Layer] = {}  # the BatchNorm's top -> the layer that does both
    for layer in net.layers:
        norm = norms.get(layer.bottoms[0]) if _by_channel(layer) else None
        if norm and readers[norm.tops[0]] == 1 and norm.tops[0] not in kept and _plain(norm):
            merged[norm.tops[0]] = _both(norm, layer)
    done = {both.tops[0] for both in merged.values()}
    layers = []
    for layer in net.layers:
        if layer.type == "BatchNorm" and layer.tops[0] in merged:
            layers.append(merged[layer.tops[0]])
        elif layer.type != "Scale" or layer.tops[0] not in done:
            layers.append(layer)
    return replace(net, layers=tuple(layers))


def _by_channel(layer: Layer) -> bool:
    param = layer.params.get("scale_param", {})
    return (
        layer.type == "Scale"
        and len(layer.bottoms) == len(layer.tops) == 1
        and param.get("axis", 1) == param.get("num_axes", 1) == 1
        and len(layer.blobs) == 1 + param.get("bias_term", False)
    )


def _plain(norm: Layer) -> bool:
    return (
        len(norm.bottoms) == 1
        and len(norm.blobs) >= 2
        and not norm.params.get("batch_norm_param", {}).get("scale_bias")
    )


def _both(norm: Layer, scale: Layer) -> Layer:
    factor, *shift = scale.blobs
    blobs = (*norm.blobs, factor, shift[0] if shift else np.zeros(factor.shape, np.float32))
    params = {**norm.params, "batch_norm_param": {**norm.params.get("batch_norm_param", {}), "scale_bias": True}}
    return replace(norm, tops=scale.tops, params=params, blobs=blobs)
