"""Each layer and what it makes -> named after the ONNX node that it stands for, whatever was folded or moved.

A convolution with a BatchNorm in it is `conv1` still, and a pooling that has changed places with its ReLU is `pool`. Of
several layers for one node, the one of the node's own kind has the name, else the last; the others add their type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from converters.caffe.graph import Names
from converters.caffe.net import Layer, Net
from converters.caffe.places import Context, Place, Result


def name_layers(net: Net, context: Context) -> Result:
    """Name layers and blobs anew; inputs, outputs, and of several tops those that are ONNX values, keep their names."""
    kept = [item for item in net.layers if item.type == "Input" or set(item.tops) & set(net.outputs)]
    names, named = Names(), {item.name: item.name for item in kept}
    several = {top for item in net.layers if len(item.tops) > 1 for top in item.tops if top in context.shapes}
    names.taken.update(name.lower() for name in (*named, *several, *(top for item in kept for top in item.tops)))
    rest = [item for item in net.layers if item.name not in named]
    first = _main_layers(net, context)
    for item in sorted(rest, key=lambda item: first.get(item.origin) != item.name):
        wish, _ = context.makers.get(item.origin, (item.name, ""))
        plain = first.get(item.origin, item.name) == item.name and wish.lower() not in names.taken
        named[item.name] = names(wish if plain else f"{wish}/{item.type.lower()}")
    tops = {item.tops[0]: named[item.name] for item in rest if len(item.tops) == 1}
    for item in net.layers:
        if len(item.tops) > 1:
            fresh = {top: f"{named[item.name]}_{i}" for i, top in enumerate(item.tops) if top not in several}
            tops.update((top, names(name)) for top, name in fresh.items() if top not in net.outputs)
    layers = tuple(_renamed(item, named[item.name], tops) for item in net.layers)
    return Result(replace(net, layers=layers), {old: Place(new) for old, new in tops.items() if old != new})


def _main_layers(net: Net, context: Context) -> dict[str, str]:
    """The layer that has the name, by the ONNX value that it helps to compute."""
    found: dict[str, Layer] = {}
    for item in net.layers:
        before = found.get(item.origin)
        _, kind = context.makers.get(item.origin, ("", ""))
        if before is None or before.type != kind or item.type == kind:
            found[item.origin] = item
    return {origin: item.name for origin, item in found.items()}


def _renamed(item: Layer, name: str, tops: Mapping[str, str]) -> Layer:
    return replace(
        item,
        name=name,
        bottoms=tuple(tops.get(blob, blob) for blob in item.bottoms),
        tops=tuple(tops.get(blob, blob) for blob in item.tops),
    )
