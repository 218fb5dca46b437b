"""Transposes of a whole blob -> the weights behind them, or past layers that don't care until two of them cancel.

Networks that were made for channels-last data transpose before a matrix product and back behind it. No Caffe but SSD's
moves axes well, so every one that goes is worth it; where moving them about costs more than it saves, nothing is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, rebuild, remade
from converters.caffe.net import Layer, Lazy, Net, Weights
from converters.caffe.places import Context, Note, Result
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.traits import of
from converters.errors import require

CHANNELS_LAST = [0, 2, 3, 1]


def absorb_transposes(net: Net, context: Context) -> Result:
    """Transpose fewer numbers, or change nothing where that can't be had."""
    if not any(item.type == "Permute" for item in net.layers):
        return Result(net)
    readers = count_readers(net)

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        alone = all(readers[bottom] == 1 for bottom in item.bottoms)
        made = _moved(node, alone)
        return None if made is None else (made,)

    found = replaced(net, lambda item: bool(item.bottoms) and len(item.tops) == 1, change)
    before, after = _cost(net), _cost(found.net)
    if after < before:
        return replace(found, notes=_of_readers(found.net, found.notes))
    notes = _of_readers(net, found.notes)
    if found.net is not net:
        notes += (Note("", f"moving transposes about would leave {after:,} numbers to transpose, now {before:,}"),)
    return Result(net, notes=notes)


def _of_readers(net: Net, notes: Sequence[Note]) -> tuple[Note, ...]:
    """The notes on layers that read a transpose still, perhaps by a view."""
    transposed: set[str] = set()
    reading: set[str] = set()
    for item in net.layers:
        reads = bool(transposed.intersection(item.bottoms))
        reading.update([item.name] * reads)
        transposed.update(item.tops if item.type == "Permute" or (reads and of(item.type).view) else ())
    return tuple(note for note in notes if note.layer in reading)


def _cost(net: Net) -> int:
    """How many numbers are transposed."""
    shapes = {name: blob.shape for name, blob in _blobs(net).items()}
    return sum(prod(shapes[item.tops[0]]) for item in net.layers if item.type == "Permute")


def _blobs(net: Net) -> dict[str, Blob]:
    named: dict[str, Blob] = {}
    for item in net.layers:
        node = rebuild(item, [named[bottom] for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
    return named


def _order(blob: Blob) -> list[int] | None:
    """The order of axes in which a Permute gives its input, or None where the blob comes from no Permute."""
    order = list(blob.node.values["order"]) if blob.node.type == "Permute" else []
    return order if order and len(order) == blob.rank else None


def _moved(node: Node, alone: bool) -> Blob | None:
    """What equals the layer's top with its transposes behind it, in its weights or gone; None where it reads none.

    Unsupported where it must stay as it is.
    """
    if node.type == "InnerProduct" and of(node.bottoms[0].node.type).view:
        return _matrix_of_a_view(node)
    orders = [_order(bottom) for bottom in node.bottoms]
    order = orders[0]
    if order is None:
        return None
    require(all(other == order for other in orders), f"{node.type} reads blobs that are transposed in other ways")
    sources = [bottom.node.bottoms[0] for bottom in node.bottoms]
    if node.type == "Permute":
        outer = _order(node.tops[0])
        return layers.permute(sources[0], [order[axis] for axis in outer]) if outer else None
    require(alone, f"{node.type} can't have the transpose behind it: others read what it transposes")
    return layers.permute(_on_sources(node, sources, order), order)


def _on_sources(node: Node, sources: Sequence[Blob], order: Sequence[int]) -> Blob:
    """The layer before the transposes; Unsupported where it would not do the same there."""
    if of(node.type).elementwise:
        return remade(node, sources).tops[0]
    if node.type == "Scale" and len(sources) == 1 and len(node.blobs[0].shape) == 1:
        axis = order[node.values["axis"] % sources[0].rank]
        return layers.scale(sources[0], *node.blobs, axis=axis)
    require(node.type == "InnerProduct", f"{node.type} would not do the same before the transpose")
    last = node.values["axis"] % sources[0].rank == 3
    require(last and list(order) == CHANNELS_LAST, "it does not multiply each pixel's channels by a matrix")
    weight, *bias = node.blobs
    return layers.convolution(sources[0], _pixelwise(weight), *bias)


def _pixelwise(weight: Weights) -> Weights:
    """A matrix as the kernel of a convolution of 1 x 1."""
    shape = (*weight.shape, 1, 1)
    return Lazy(shape, lambda: np.asarray(weight, np.float32).reshape(shape))


def _matrix_of_a_view(node: Node) -> Blob | None:
    """(N, ...) transposed, flattened and multiplied: the columns of the matrix in the order of what is transposed."""
    view = node.bottoms[0].node
    order = _order(view.bottoms[0])
    if order is None:
        return None
    source = view.bottoms[0].node.bottoms[0]
    flat = node.values["axis"] == 1 and len(view.shapes[0]) == 2
    require(flat, "it does not multiply flattened rows, one for each image")
    require(order[0] == 0 and view.shapes[0][0] == source.shape[0], "the transpose moves the batch")
    weight, *bias = node.blobs
    moved = [source.shape[axis] for axis in order[1:]]
    back = [0, *(1 + int(axis) for axis in np.argsort(order[1:]))]

    def compute() -> npt.NDArray[np.float32]:
        array = np.asarray(weight, np.float32)
        columns: npt.NDArray[np.float32] = array.reshape(array.shape[0], *moved).transpose(back)
        return columns.reshape(array.shape)

    return layers.inner_product(layers.flatten(source), Lazy(tuple(weight.shape), compute), *bias)
