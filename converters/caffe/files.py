"""A prototxt and its weights -> one Net with every layer's blobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from converters.caffe import binary, text
from converters.caffe.net import Array, Net, Weights


def read(prototxt: Path, caffemodel: Path | None = None) -> Net:
    """Read a prototxt of any version and the weights for it; without a caffemodel, those that stand in it inline."""
    return with_weights(text.read(prototxt), binary.read(caffemodel) if caffemodel else {})


def with_weights(net: Net, weights: Mapping[str, Sequence[Array]]) -> Net:
    """The net with each layer's blobs, by name; a layer that `weights` lacks keeps its own.

    Layers whose `param` entries have the same name share that blob: the one that the file gives last.
    """
    shared: dict[str, Weights] = {}
    places = {layer.name: _shared_names(layer.params.get("param", ())) for layer in net.layers}
    for name, blobs in weights.items():
        shared.update((key, blobs[at]) for at, key in places.get(name, {}).items() if at < len(blobs))
    layers = []
    for layer in net.layers:
        own: list[Weights] = [*(weights.get(layer.name, ()) or layer.blobs)]
        for at, key in sorted(places[layer.name].items()):
            if key in shared and at <= len(own):
                own[at : at + 1] = [shared[key]]
        layers.append(replace(layer, blobs=tuple(own)))
    return replace(net, layers=tuple(layers))


def _shared_names(params: Sequence[Mapping[str, str]]) -> dict[int, str]:
    return {at: param["name"] for at, param in enumerate(params) if param.get("name")}
