"""The Reduce operators, over any axes: each run of adjacent axes in turn, with no transpose; and running sums."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape
from converters.caffe.reduce import largest, log_sum_exp, product, total
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import negative
from converters.onnx_to_caffe.parts.broadcast import view
from converters.onnx_to_caffe.parts.linear import powered
from converters.onnx_to_caffe.registry import Const, lowers

Step = Callable[[Blob, int, int], Blob]


def chosen(x: Blob, axes: Const | None, noop_with_empty_axes: int) -> list[int]:
    """The axes to reduce, without those of size 1, which change nothing."""
    given = [] if axes is None else axes.ints()
    if not given and not noop_with_empty_axes:
        given = list(range(x.rank))
    return sorted({axis % x.rank for axis in given if x.shape[axis] != 1})


def runs(axes: Sequence[int], shape: Shape) -> list[tuple[int, int]]:
    """Adjacent axes together, as [first, last), the last run first; axes of size 1 do not part them."""
    found: list[tuple[int, int]] = []
    for axis in axes:
        if found and all(size == 1 for size in shape[found[-1][1] : axis]):
            found[-1] = (found[-1][0], axis + 1)
        else:
            found.append((axis, axis + 1))
    return found[::-1]


def over(x: Blob, axes: Sequence[int], step: Step) -> Blob:
    """Apply a reduction to every run of axes, which stay as size 1."""
    for first, last in runs(axes, x.shape):
        x = step(x, first, last)
    return x


def lower_reduce(op: str, before: Callable[[Blob], Blob], step: Step, after: Callable[[Blob], Blob]) -> None:
    """Register a reduction: a function of each number, the reduction itself, a function of the result."""

    def lowering(
        x: Blob,
        axes: Const | None = None,
        *,
        keepdims: int = 1,
        noop_with_empty_axes: int = 0,
        out_shapes: Sequence[Shape],
    ) -> Blob:
        return view(after(over(before(x), chosen(x, axes, noop_with_empty_axes), step)), out_shapes[0])

    lowering.__doc__ = f"{op} over the runs of its axes."
    lowers(op)(lowering)


def same(x: Blob) -> Blob:
    """x itself."""
    return x


def absolute(x: Blob) -> Blob:
    """|x|."""
    return layers.neuron("AbsVal", x)


def squared(x: Blob) -> Blob:
    """x * x."""
    return layers.mul(x, x)


def logarithm(x: Blob) -> Blob:
    """log(x)."""
    return layers.neuron("Log", x)


mean = partial(total, operation="MEAN")
lower_reduce("ReduceMean", same, mean, same)
lower_reduce("ReduceSum", same, total, same)
lower_reduce("ReduceMax", same, largest, same)
lower_reduce("ReduceMin", negative, largest, negative)
lower_reduce("ReduceProd", same, product, same)
lower_reduce("ReduceL1", absolute, total, same)
lower_reduce("ReduceL2", squared, total, partial(powered, exponent=0.5))
lower_reduce("ReduceSumSquare", squared, total, same)
lower_reduce("ReduceLogSum", same, total, logarithm)
lower_reduce("ReduceLogSumExp", same, log_sum_exp, same)


@lowers("CumSum")
def cum_sum(x: Blob, axis: Const, *, exclusive: int = 0, reverse: int = 0) -> Blob:
    """CumSum -> a product with a triangle of ones along the axis."""
    along = axis.ints()[0] % x.rank
    size = x.shape[along]
    require(size * size <= moves.LARGEST_MATRIX, f"a running sum over {size} numbers: {size} x {size} weights")

    def triangle() -> npt.NDArray[np.float32]:
        ones = np.tri(size, k=-exclusive, dtype=np.float32)
        return ones.T if reverse else ones

    return moves.by_matrix(x, along, Lazy((size, size), triangle))
