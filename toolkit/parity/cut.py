"""A value that differs -> the smallest part of both graphs that makes it from values that agree.

One Caffe layer may stand for several ONNX nodes, or the other way round, and where channel shuffles were eliminated
the two graphs do not even join at the same values. So the cut is moved back until both sides read the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from toolkit.parity.pair import Pair


@dataclass(frozen=True)
class Cut:
    """Steps of the reference graph and of the Caffe net (none where no Caffe is compared), and what both read."""

    target: str
    inputs: tuple[str, ...]
    nodes: tuple[int, ...]
    layers: tuple[int, ...]


def cut_out(pair: Pair, target: str, agreeing: Collection[str]) -> Cut:
    """The part between values of `agreeing`, or the network's own inputs, and `target`."""
    allowed = set(agreeing) - {target}
    while True:
        nodes, edge = pair.anchor.region([target], allowed)
        if pair.caffe is None or pair.caffe_side is None or pair.caffe is pair.anchor:
            return Cut(target, edge, nodes, nodes if pair.caffe else ())
        names = pair.caffe_side.names
        blobs = {**names.names, **names.inputs}
        layers, blob_edge = pair.caffe.region([blobs[target]], {blobs[value] for value in allowed})
        other_edge = [_value_of(blob, blobs, edge) for blob in blob_edge]
        missed = (set(edge) ^ set(other_edge)) & allowed
        if not missed:
            both = sorted({*edge, *other_edge}, key=pair.anchor.order.__getitem__)
            return Cut(target, tuple(both), nodes, layers)
        allowed -= missed


def _value_of(blob: str, blobs: Mapping[str, str], preferred: Collection[str]) -> str:
    """The value that a blob holds; where it holds several (an Identity has none of its own), one that is read."""
    values = [value for value, held in blobs.items() if held == blob]
    return next((value for value in values if value in preferred), values[0])
