"""Layers that compute the same from the same blobs -> one layer; what nobody needs is left behind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from converters.caffe.graph import Blob, Node
from converters.caffe.net import Layer, Net, Weights
from converters.caffe.places import Context, Result
from converters.caffe.replacement import replaced
from converters.caffe.traits import of

FEW = 16  # numbers that are compared


def merge_duplicates(net: Net, context: Context) -> Result:
    """Make the net one in which no two layers are alike. Weights are alike where they are the same object, or few."""
    outputs = set(net.outputs)

    def may_merge(item: Layer) -> bool:
        carries = of(item.type).view and item.tops[0] in outputs  # each output has a layer that bears its name
        return not of(item.type).itself and bool(item.tops) and not carries

    keys = [_key(item, item.bottoms) for item in net.layers if may_merge(item)]
    if len(set(keys)) == len(keys):
        return Result(net)  # there is a first pair, which reads the same blobs, or none
    seen: dict[Hashable, Node] = {}

    def change(node: Node, item: Layer) -> tuple[Blob, ...] | None:
        same = seen.setdefault(_key(item, node.bottoms), node)
        return None if same is node else same.tops

    return replaced(net, may_merge, change)


def _key(item: Layer, bottoms: Hashable) -> Hashable:
    """What the layer computes: everything but its name."""
    return item.type, bottoms, _frozen(item.params), tuple(map(_identity, item.blobs)), len(item.tops)


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
