"""Reshape and Flatten for chips that have the other one, and layers that chips have along one axis alone."""

from __future__ import annotations

from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, layer
from converters.errors import require

ONE_ORDER = (0, 2, 3, 1)


def flatten_by_reshape(node: Node) -> Blob:
    """Flatten -> a Reshape to the sizes that it gives."""
    require(node.bottoms[0].shape != node.shapes[0], "it changes nothing")
    return layers.reshape(node.bottoms[0], node.shapes[0])


def reshape_by_flatten(node: Node) -> Blob:
    """A Reshape to one row an image -> Flatten."""
    x = node.bottoms[0]
    require(x.rank > 2 and node.shapes[0] == (x.shape[0], prod(x.shape[1:])), "")
    return layer("Flatten", x).tops[0]


def flatten_between(node: Node) -> Blob:
    """InnerProduct right behind a view -> a Flatten that changes nothing between the two."""
    x = node.bottoms[0]
    require(x.node.type != "Flatten" and node.values["axis"] == 1, "")
    return layer(node.type, layer("Flatten", x).tops[0], blobs=node.blobs, **node.params).tops[0]


def rows_as_images(node: Node) -> Blob:
    """InnerProduct along later axes -> of as many images as there are rows, a view before and one behind."""
    x, axis = node.bottoms[0], node.values["axis"] % node.bottoms[0].rank
    require(axis != 1, "")
    flat = layers.reshape(x, (prod(x.shape[:axis]), prod(x.shape[axis:])))
    return layers.reshape(layers.inner_product(flat, *node.blobs), node.shapes[0])


def permute_by_one_order(node: Node) -> Blob:
    """A block of axes that changes places with the next one, behind the batch -> the order (0, 2, 3, 1) alone."""
    x, order = node.bottoms[0], list(node.values["order"])
    moved = [axis for axis in order if x.shape[axis] != 1]
    batch = 1 if order[0] == 0 else 0
    require(batch, "it moves the batch")
    moved = [axis for axis in moved if axis]
    turn = next((i for i in range(1, len(moved)) if moved[i] < moved[i - 1]), 0)
    require(turn and moved[turn:] + moved[:turn] == sorted(moved), "its axes do not change places in two blocks")
    first, second = prod(x.shape[a] for a in moved[turn:]), prod(x.shape[a] for a in moved[:turn])
    view = layers.reshape(x, (x.shape[0], first, second, 1))
    require(view is not x or tuple(order) != ONE_ORDER, "it has that order already")
    return layers.reshape(layers.permute(view, ONE_ORDER), node.shapes[0])


def softmax_on_last_axis(node: Node) -> Blob:
    """Softmax along another axis -> that axis goes last and comes back."""
    x = node.bottoms[0]
    axis = node.values["axis"] % x.rank
    require(axis != x.rank - 1, "it is the last axis already")
    order = [a for a in range(x.rank) if a != axis] + [axis]
    back = sorted(range(x.rank), key=order.__getitem__)
    return layers.permute(layers.softmax(layers.permute(x, order), x.rank - 1), back)
