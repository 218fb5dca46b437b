"""A net made anew with some layers replaced, and how often each blob is read: what most passes are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.caffe.graph import Blob, Node, emit, rebuild, with_origin
from converters.caffe.net import Layer, Net

Change = Callable[[Node, Layer], "Sequence[Blob] | None"]


def count_readers(net: Net) -> dict[str, int]:
    """How many layers read each blob that is read; whoever runs the net counts as one for each output."""
    readers = dict.fromkeys(net.outputs, 1)
    for item in net.layers:
        for bottom in item.bottoms:
            readers[bottom] = readers.get(bottom, 0) + 1
    return readers


def replaced(net: Net, change: Change) -> Net:
    """Return the net with the blobs that `change` gives for a layer in place of its tops; None leaves the layer.

    `change` gets the layer as a node that reads what was made of the layers before, and as it is in the net. The net
    itself comes back where nothing changed.
    """
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    changed = False
    for item in net.layers:
        if item.type == "Silence":
            continue  # emission silences again what is then unread
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        made = change(node, item)
        if made is not None:
            changed, made = True, with_origin(made, node.origin, since=node.order)
        named.update(zip(item.tops, node.tops if made is None else made, strict=True))
        if item.type == "Input":
            inputs.extend(node.tops)
    return emit(net.name, named, net.outputs, inputs) if changed else net
