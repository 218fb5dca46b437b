"""Layers that compute the same from the same blobs -> one layer; what nobody needs is left behind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from converters.caffe.graph import Blob, Node, emit, rebuild
from converters.caffe.net import Net, Weights

FEW = 16  # numbers that are compared
ALONE = {"Input", "Dropout", "DummyData", "Parameter"}  # each is itself, whatever it looks like


def merge_common(net: Net) -> Net:
    """Return the net in which no two layers are alike. Weights are alike where they are the same object, or few."""
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    seen: dict[Hashable, Node] = {}
    found = False
    for item in net.layers:
        if item.type == "Silence":
            continue  # emission silences again what is then unread
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        if node.type not in ALONE:
            same = seen.setdefault(_key(node), node)
            found |= same is not node
            node = same
        named.update(zip(item.tops, node.tops, strict=True))
        if item.type == "Input":
            inputs.extend(node.tops)
    return emit(net.name, named, net.outputs, inputs) if found else net


def _key(node: Node) -> Hashable:
    """What the layer computes: everything but its name."""
    blobs = tuple(map(_identity, node.blobs))
    return node.type, node.bottoms, _frozen(node.params), blobs, len(node.shapes)


def _identity(weights: Weights) -> Hashable:
    if isinstance(weights, np.ndarray) and weights.size <= FEW:
        return weights.shape, weights.tobytes()
    return id(weights)


def _frozen(value: Any) -> Hashable:
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(inner)) for key, inner in value.items()))
    if isinstance(value, list | tuple):
        return tuple(map(_frozen, value))
    return value if isinstance(value, str | int | float | bool) else id(value)
