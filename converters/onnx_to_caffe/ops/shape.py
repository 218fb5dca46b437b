"""Reshape, Flatten, Transpose and their kin: the same numbers, perhaps in another shape or order."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from converters.caffe import layers
from converters.caffe.graph import Blob, layer
from converters.caffe.net import Shape
from converters.caffe.permutation import grouped
from converters.caffe.traits import of
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers

FLOATS = (1, 10, 11, 16)  # ONNX's numbers of float, float16, double, bfloat16


def shuffle_group(source: Blob, dims: Shape, order: Shape) -> int:
    """The group of a channel shuffle: channels seen as (g, C/g), whose two axes trade places; 0 where it is none."""
    n, c, h, w = source.shape
    before, after = ((n,) if n > 1 else ()), ((h * w,) if h * w > 1 else ())
    middle = dims[len(before) : len(dims) - len(after)]
    first = len(before)
    swapped = (*range(first), first + 1, first, *range(first + 2, len(dims)))
    whole = len(middle) == 2 and dims == (*before, *middle, *after) and prod(middle) == c
    return middle[0] if whole and order == swapped else 0


def pixel_factor(source: Blob, dims: Shape, order: Shape, shape: Shape) -> int:
    """The factor r of (N, c*r*r, h, w) -> (N, c, h*r, w*r), channels seen as (c, r, r); 0 where it is none."""
    n, c, h, w = source.shape
    r = shape[2] // h if len(shape) == 4 else 0
    if r < 2 or shape != (n, c // (r * r), h * r, w * r):
        return 0
    full = (n * shape[1], r, r, h, w)
    return r if (dims, order) == grouped(full, (0, 3, 1, 4, 2)) else 0


@lowers("Reshape")
def reshape(x: Blob, shape: Value, *, allowzero: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """Reshape to the shape that ONNX computed; the end of a shuffle of channels or pixels becomes that layer."""
    return _as_shuffle(x, out_shapes[0]) or view(x, out_shapes[0])


def _as_shuffle(x: Blob, shape: Shape) -> Blob | None:
    if x.node.type != "Permute":
        return None
    start, order = x.node.bottoms[0], x.node.values["order"]
    source = start.node.bottoms[0] if start.node.type == "Reshape" else start
    if source.rank != 4:
        return None
    dims, order = grouped(start.shape, order)
    if shape == source.shape and (group := shuffle_group(source, dims, order)):
        return layers.shuffle_channel(source, group)
    if factor := pixel_factor(source, dims, order, shape):
        return pixel_shuffle(source, factor)
    return None


def pixel_shuffle(x: Blob, factor: int) -> Blob:
    """(N, c*r*r, h, w) -> (N, c, h*r, w*r)."""
    return layer("PixelShuffle", x, pixelshuffle_param={"upscale_factor": int(factor)}).tops[0]


@lowers("Flatten")
def flatten(x: Blob, *, axis: int = 1, out_shapes: Sequence[Shape]) -> Blob:
    """Flatten to two axes."""
    return view(x, out_shapes[0])


@lowers("Squeeze", "Unsqueeze")
def squeeze(x: Blob, axes: Value | None = None, *, out_shapes: Sequence[Shape]) -> Blob:
    """Squeeze and Unsqueeze -> Reshape."""
    require(axes is None or 0 not in axes.shape, "a list of no axes: onnxruntime takes that for all of size 1")
    return view(x, out_shapes[0])


def view(x: Blob, shape: Shape) -> Blob:
    """The same numbers in another shape, taken from where they were made and not through another view."""
    while of(x.node.type).view:
        x = x.node.bottoms[0]
    if x.rank > 2 and shape == (x.shape[0], prod(x.shape[1:])):
        return layers.flatten(x)
    return layers.reshape(x, shape)


@lowers("Transpose")
def transpose(x: Blob, *, perm: Sequence[int] | None = None) -> Blob:
    """Transpose -> Permute, together with a Permute before it; if no axis of numbers moves, it is a Reshape."""
    order = list(range(x.rank))[::-1] if perm is None else list(perm)
    require(sorted(order) == list(range(x.rank)), f"perm {order} of {x.rank} axes")
    if x.node.type == "Permute":
        first = x.node.values["order"]
        x, order = x.node.bottoms[0], [first[axis] for axis in order]
    moved = [axis for axis in order if x.shape[axis] != 1]
    if moved == sorted(moved):
        return view(x, tuple(x.shape[axis] for axis in order))
    return layers.permute(x, order)


@lowers("Cast")
def cast(x: Blob, *, to: int, saturate: int = 1, round_mode: str = "up") -> Blob:
    """Cast to a float type -> nothing: Caffe holds every number, also an index or a truth value, as a float32."""
    require(to in FLOATS or x.node.type == "IndexOfLargest", "a cast of computed values to integers or truth values")
    return x
