"""Split, Slice, Concat: which numbers go where."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.errors import require
from converters.onnx_to_caffe.registry import Value, lowers, need_blob, need_const


@lowers("Split")
def split(
    x: Value,
    sizes: Value | None = None,
    *,
    axis: int = 0,
    num_outputs: int = 0,
    out_shapes: Sequence[tuple[int, ...]],
) -> tuple[Blob, ...]:
    """Split -> Slice at the cumulated sizes."""
    x = need_blob(x, "the input")
    axis %= x.rank
    ends = list(accumulate(shape[axis] for shape in out_shapes))
    return layers.slices(x, axis, ends[:-1])


@lowers("Slice")
def slice_(x: Value, starts: Value, ends: Value, axes: Value | None = None, steps: Value | None = None) -> Blob:
    """Slice with step 1 -> Slice along each axis; what is cut off is silenced."""
    x = need_blob(x, "the input")
    first, last = need_const(starts, "starts").ints(), need_const(ends, "ends").ints()
    along = need_const(axes, "axes").ints() if axes is not None else list(range(len(first)))
    step = need_const(steps, "steps").ints() if steps is not None else [1] * len(first)
    for a, b, axis, s in zip(first, last, along, step, strict=True):
        require(s == 1, f"step {s}")
        size = x.shape[axis % x.rank]
        begin, end, _ = slice(a, b).indices(size)
        require(begin < end, "an empty result")
        x = layers.narrow(x, axis % x.rank, begin, end)
    return x


@lowers("Concat")
def concat(*inputs: Value, axis: int) -> Blob:
    """Concat -> Concat."""
    blobs = [need_blob(x, "an input") for x in inputs]
    return layers.concat(axis % blobs[0].rank, *blobs)
