"""A net made anew with some layers replaced, and how often each blob is read: what most passes are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from converters.caffe.graph import Blob, Node, emitted, rebuild, with_origin
from converters.caffe.net import Layer, Net
from converters.caffe.places import Note, Result
from converters.errors import Unsupported

Change = Callable[[Node, Layer], "Sequence[Blob] | None"]


def count_readers(net: Net) -> dict[str, int]:
    """How many layers read each blob that is read; whoever runs the net counts as one for each output."""
    readers = dict.fromkeys(net.outputs, 1)
    for item in net.layers:
        for bottom in item.bottoms:
            readers[bottom] = readers.get(bottom, 0) + 1
    return readers


def replaced(net: Net, looks_at: Callable[[Layer], bool], change: Change) -> Result:
    """Return the net with the blobs that `change` gives for a layer that it looks at in place of the layer's tops.

    `change` gets the layer as a node that reads what was made of the layers before, and as it is in the net. None
    leaves the layer, and so does Unsupported, whose reason becomes a note. The net itself comes back where nothing
    changed.
    """
    if not any(map(looks_at, net.layers)):
        return Result(net)
    named: dict[str, Blob] = {}
    inputs: list[Blob] = []
    notes: list[Note] = []
    changed = False
    for item in net.layers:
        if item.type == "Silence":
            continue  # emission silences again what is then unread
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        try:
            made = change(node, item) if looks_at(item) else None
        except Unsupported as error:
            notes.append(Note(item.name, error.reason))
            made = None
        if made is not None:
            changed, made = True, with_origin(made, node.origin, since=node.order)
        named.update(zip(item.tops, node.tops if made is None else made, strict=True))
        if item.type == "Input":
            inputs.extend(node.tops)
    if not changed:
        return Result(net, notes=tuple(notes))
    new = emitted(net.name, named, net.outputs, inputs)
    return Result(new.net, new.moves(named), tuple(notes))
