"""Split, Slice, Concat, Gather and their kin: which numbers go where."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import Unsupported, require
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob, need_const


@lowers("Split")
def split(
    x: Blob, sizes: Value | None = None, *, axis: int = 0, num_outputs: int = 0, out_shapes: Sequence[Shape]
) -> tuple[Blob, ...]:
    """Split -> Slice at the cumulated sizes. An empty part is read by nobody; the whole stands in for it."""
    axis %= x.rank
    parts = [shape[axis] for shape in out_shapes]
    require(sum(parts) == x.shape[axis], f"parts of {parts} in {x.shape[axis]}")
    made = iter(layers.slices(x, axis, list(accumulate(size for size in parts if size))[:-1]))
    return tuple(next(made) if size else x for size in parts)


@lowers("Slice")
def slice_(x: Blob, starts: Const, ends: Const, axes: Const | None = None, steps: Const | None = None) -> Blob:
    """Slice -> Slice along each axis; a step is the stride of a Convolution, or has slices laid in reverse."""
    first, last = starts.ints(), ends.ints()
    along = axes.ints() if axes is not None else list(range(len(first)))
    step = steps.ints() if steps is not None else [1] * len(first)
    wanted = {}
    for a, b, axis, s in zip(first, last, along, step, strict=True):
        wanted[axis % x.rank] = range(*slice(a, b, s).indices(x.shape[axis % x.rank]))
        require(wanted[axis % x.rank], "an empty result")
    if x.rank == 4 and all(axis in wanted and wanted[axis].step > 1 for axis in (2, 3)):
        x = moves.strided(x, wanted.pop(2), wanted.pop(3))
    for axis, indices in sorted(wanted.items(), key=lambda item: abs(item[1].step)):
        x = moves.take(x, axis, indices)
    return x


@lowers("Concat")
def concat(*inputs: Value, axis: int) -> Blob:
    """Concat -> Concat; a constant among the inputs becomes a blob."""
    some = need_blob(next((value for value in inputs if isinstance(value, Blob)), inputs[0]), "every input")
    filled = [value for value in inputs if 0 not in value.shape]
    blobs = [value if isinstance(value, Blob) else moves.constant(some, value) for value in filled]
    if some.rank == 1 and len(blobs) > 1:  # OpenCV takes an input of one axis for a column, other such blobs for a row
        rows = [layers.reshape(blob, (1, *blob.shape)) for blob in blobs]
        return layers.reshape(layers.concat(1, *rows), (sum(blob.shape[0] for blob in blobs),))
    return layers.concat(axis % some.rank, *blobs)


@lowers("Gather")
def gather(x: Value, indices: Value, *, axis: int = 0, out_shapes: Sequence[Shape]) -> Blob:
    """Gather at constant indices -> Slice, slices side by side, or a one-hot Convolution; see `moves.take`."""
    if isinstance(x, Const):
        raise Unsupported("a table looked up at computed indices")
    axis %= x.rank
    wanted = [index % x.shape[axis] for index in need_const(indices, "the index").ints()]
    return layers.reshape(moves.take(x, axis, wanted), out_shapes[0])


@lowers("ReverseSequence")
def reverse_sequence(x: Blob, lengths: Const, *, batch_axis: int = 1, time_axis: int = 0) -> Blob:
    """ReverseSequence of constant lengths -> each sequence cut out and its steps laid in reverse order."""
    steps = x.shape[time_axis]
    orders = [[*range(n - 1, -1, -1), *range(n, steps)] for n in lengths.ints()]
    if all(order == orders[0] for order in orders):
        return moves.take(x, time_axis, orders[0])
    rows = layers.slices(x, batch_axis, range(1, x.shape[batch_axis]))
    turned = (moves.take(row, time_axis, order) for row, order in zip(rows, orders, strict=True))
    return layers.concat(batch_axis, *turned)
