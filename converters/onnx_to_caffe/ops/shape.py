"""Reshape, Flatten, Transpose and their kin."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob


def shuffle_group(x: Blob, shape: Sequence[int]) -> tuple[Blob, int] | None:
    """Recognise (N, C, H, W) -> (N, g, C/g, H, W) -> axes 1 and 2 swapped -> (N, C, H, W); return its input and g."""
    if x.node.type != "Permute" or list(x.node.param("permute_param")["order"])[:3] != [0, 2, 1]:
        return None
    split = x.node.bottoms[0]
    if split.node.type != "Reshape" or split.rank not in (4, 5):
        return None
    source = split.node.bottoms[0]
    if list(x.node.param("permute_param")["order"]) != [0, 2, 1, *range(3, split.rank)] or source.rank != 4:
        return None
    n, c, h, w = source.shape
    g = split.shape[1]
    tail = (h, w) if split.rank == 5 else (h * w,)
    if tuple(shape) != source.shape or split.shape != (n, g, c // g, *tail):
        return None
    return source, g


@lowers("Reshape")
def reshape(x: Value, shape: Value, *, allowzero: int = 0, out_shapes: Sequence[tuple[int, ...]]) -> Blob:
    """Reshape to the shape that ONNX computed; the end of a channel shuffle becomes ShuffleChannel."""
    x = need_blob(x, "the input")
    found = shuffle_group(x, out_shapes[0])
    if found is not None:
        return layers.shuffle_channel(*found)
    return _view(x, out_shapes[0])


@lowers("Flatten")
def flatten(x: Value, *, axis: int = 1, out_shapes: Sequence[tuple[int, ...]]) -> Blob:
    """Flatten to two axes."""
    return _view(need_blob(x, "the input"), out_shapes[0])


@lowers("Squeeze", "Unsqueeze")
def squeeze(x: Value, axes: Value | None = None, *, out_shapes: Sequence[tuple[int, ...]]) -> Blob:
    """Squeeze and Unsqueeze -> Reshape."""
    return _view(need_blob(x, "the input"), out_shapes[0])


def _view(x: Blob, shape: tuple[int, ...]) -> Blob:
    if shape == (x.shape[0], *_rest(x.shape)) and x.rank > 2:
        return layers.flatten(x)
    return layers.reshape(x, shape)


def _rest(shape: tuple[int, ...]) -> tuple[int, ...]:
    product = 1
    for size in shape[1:]:
        product *= size
    return (product,)


@lowers("Transpose")
def transpose(x: Value, *, perm: Sequence[int] = ()) -> Blob:
    """Transpose -> Permute; a permutation that moves axes of size 1 alone is a Reshape."""
    x = need_blob(x, "the input")
    order = list(perm) or list(range(x.rank))[::-1]
    require(sorted(order) == list(range(x.rank)), f"perm {order} of {x.rank} axes")
    moved = [i for i in order if x.shape[i] != 1]
    if moved == sorted(moved):
        return layers.reshape(x, tuple(x.shape[i] for i in order))
    return layers.permute(x, order)
