"""Which layers move channels, which keep each to itself, and which can take them in any order.

A layer that mixes all channels (a convolution of one group, an inner product) does not care in which order they come
or go: its weights absorb any permutation. A layer that treats each channel by itself passes an order on.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from converters.caffe.graph import Blob, Node, remade
from converters.caffe.net import Lazy, Weights
from converters.caffe.shapes import axis_of
from converters.caffe.traits import of

Order = tuple[int, ...]


def routes(node: Node) -> bool:
    """Whether the layer moves whole channels of axis 1 and does nothing else."""
    if not of(node.type).routes:
        return False
    return node.type == "ShuffleChannel" or axis_of(node.values["axis"], node.bottoms[0].rank) == 1


def group_of(node: Node) -> int:
    """The number of groups of a convolution."""
    return int(node.values["group"])


def is_convolution(node: Node) -> bool:
    """A convolution in either direction, over axis 1."""
    return of(node.type).convolves and len(node.bottoms) == 1


def is_depthwise(node: Node) -> bool:
    """A convolution that keeps each channel to itself."""
    return is_convolution(node) and group_of(node) == node.bottoms[0].shape[1] == node.shapes[0][1] > 1


def mixes(node: Node) -> bool:
    """Whether the layer takes its input's channels in any order and can give its output's in any."""
    if is_convolution(node):
        return group_of(node) == 1
    return node.type == "InnerProduct" and bool(node.values["axis"] == 1)


def ties(node: Node) -> bool:
    """Whether the output's channels come in the order of the input's, for every bottom and top."""
    if len(node.shapes) != 1 or len(node.shapes[0]) < 2:
        return False
    if any(blob.rank < 2 or blob.shape[1] != node.shapes[0][1] for blob in node.bottoms):
        return False
    row = of(node.type)
    if row.elementwise or is_depthwise(node):
        return True
    if row.by_plane:
        return node.bottoms[0].rank == 4
    if row.by_channel:
        return node.type != "BatchNorm" or bool(node.values["use_global_stats"])
    if row.broadcasts:
        axis = node.values["axis"]
        if len(node.bottoms) == 2:
            return bool(axis == 0)
        return bool(axis >= 1 and node.blobs)
    if row.view:  # (N, C, 1, 1) to (N, C) and back
        return node.bottoms[0].shape[:2] == node.shapes[0][:2]
    return False


def _take(weights: Weights, order: Sequence[int], axis: int = 0) -> Weights:
    return Lazy(tuple(weights.shape), lambda: np.take(np.asarray(weights, np.float32), order, axis))


def reordered(node: Node, bottoms: tuple[Blob, ...], inside: Order | None, outside: Order | None) -> Node:
    """The layer for bottoms whose channels come in the order `inside`, giving its own in the order `outside`.

    An order lists, for each place, the channel of the original that stands there; None is the original order.
    """
    blobs = node.blobs
    if is_convolution(node) and not is_depthwise(node):
        blobs = _convolution(node, inside, outside)
    elif node.type == "InnerProduct":
        blobs = _inner_product(node, inside, outside)
    elif outside is not None and blobs:
        blobs = _per_channel(node, outside)
    return remade(node, bottoms, blobs=blobs, name=node.name)


def _per_channel(node: Node, order: Order) -> tuple[Weights, ...]:
    if of(node.type).broadcasts and node.values["axis"] != 1:
        return node.blobs
    if node.type == "BatchNorm":
        return (_take(node.blobs[0], order), _take(node.blobs[1], order), node.blobs[2])
    return tuple(_take(blob, order) if blob.shape else blob for blob in node.blobs)


def _convolution(node: Node, inside: Order | None, outside: Order | None) -> tuple[Weights, ...]:
    """Orders keep each group's channels together and the groups in order, so they split into one order a group."""
    weight, *rest = node.blobs
    group, transposed = group_of(node), node.type == "Deconvolution"
    ins, outs = node.bottoms[0].shape[1], node.shapes[0][1]
    first, second = (inside, outside) if transposed else (outside, inside)

    def compute() -> npt.NDArray[np.float32]:
        array = np.asarray(weight, np.float32)
        if first is not None:
            array = np.take(array, first, 0)
        if second is None:
            return array
        per_group = (outs if transposed else ins) // group
        rows = array.shape[0] // group
        parts = [
            np.take(
                array[g * rows : (g + 1) * rows],
                np.array(second[g * per_group : (g + 1) * per_group]) - g * per_group,
                1,
            )
            for g in range(group)
        ]
        return np.concatenate(parts) if group > 1 else parts[0]

    bias = (_take(rest[0], outside),) if rest and outside is not None else tuple(rest)
    return (Lazy(tuple(weight.shape), compute), *bias)


def _inner_product(node: Node, inside: Order | None, outside: Order | None) -> tuple[Weights, ...]:
    weight, *rest = node.blobs
    channels = node.bottoms[0].shape[1]

    def compute() -> npt.NDArray[np.float32]:
        array = np.asarray(weight, np.float32)
        if inside is not None:
            array = np.take(array.reshape(array.shape[0], channels, -1), inside, 1).reshape(array.shape)
        return array if outside is None else np.take(array, outside, 0)

    bias = (_take(rest[0], outside),) if rest and outside is not None else tuple(rest)
    return (Lazy(tuple(weight.shape), compute), *bias)
