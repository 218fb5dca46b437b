"""Selections and repetitions of numbers along an axis, from layers that every engine has: Slice, Concat, Convolution.

Where the numbers pass through a Convolution, each output is one input times 1 plus, at most, inputs times 0: exact for
finite numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import gcd, prod

import numpy as np
import numpy.typing as npt

from converters.caffe import broadcast, layers
from converters.caffe.graph import Blob, ancestors
from converters.caffe.net import Lazy, Shape, Weights
from converters.caffe.permutation import factors
from converters.caffe.shapes import resized
from converters.errors import require

FEW = 16  # pieces that are laid side by side rather than selected by a matrix
SHORT = 256  # an axis that a matrix reverses in one layer
CHANNELS = 4  # of an image that is pooled as it is
LARGEST_MATRIX = 2**24  # weights of a one-hot matrix


def around(shape: Shape, axis: int) -> tuple[int, int]:
    """How many numbers there are before and after an axis."""
    return prod(shape[:axis]), prod(shape[axis + 1 :])


def runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """The (start, stop) of stretches of consecutive numbers."""
    found: list[tuple[int, int]] = []
    for index in indices:
        if found and found[-1][1] == index:
            found[-1] = (found[-1][0], index + 1)
        else:
            found.append((index, index + 1))
    return found


def take(x: Blob, axis: int, indices: Sequence[int]) -> Blob:
    """x's entries at `indices` (all within the axis) along an axis, in that order: a Slice where one will do.

    Then a strided convolution for equal steps, slices side by side for a few stretches, a one-hot matrix for the rest.
    """
    parts = runs(indices)
    step = indices[1] - indices[0] if len(indices) > 1 else 1
    even = all(b - a == step for a, b in pairwise(indices))
    if len(parts) == 1:
        return layers.narrow(x, axis, *parts[0])
    if even and step > 1:
        return _stepped(x, axis, range(indices[0], indices[-1] + 1, step))
    if len(parts) <= FEW:
        return _side_by_side(x, axis, parts)
    if even and step < 0:
        return _reversed(take(x, axis, indices[::-1]), axis)
    return _by_matrix(x, axis, indices)


def _side_by_side(x: Blob, axis: int, parts: Sequence[tuple[int, int]]) -> Blob:
    size = x.shape[axis]
    wanted = [part for part in parts if part != (0, size)]
    cuts = sorted({edge for part in wanted for edge in part} | {0, size})
    pieces = layers.slices(x, axis, cuts[1:-1])
    made: list[Blob] = []
    for start, stop in parts:
        whole = (start, stop) == (0, size)
        made.extend([x] if whole else pieces[cuts.index(start) : cuts.index(stop)])
    return layers.concat(axis, *made)


def _stepped(x: Blob, axis: int, wanted: range) -> Blob:
    """Entries at even steps along an axis, as rows of an image."""
    if x.rank == 4 and axis > 1:
        whole = range(x.shape[5 - axis])
        return strided(x, wanted, whole) if axis == 2 else strided(x, whole, wanted)
    outer, inner = around(x.shape, axis)
    image = layers.reshape(x, (outer, 1, x.shape[axis], inner))
    return layers.reshape(strided(image, wanted, range(inner)), resized(x.shape, axis, len(wanted)))


def strided(x: Blob, rows: range, columns: range) -> Blob:
    """Rows and columns of an image at even steps: a 1 x 1 Convolution with those strides, each channel by itself."""
    for axis, wanted in ((2, rows), (3, columns)):
        surplus = (x.shape[axis] - 1 - wanted[0]) // wanted.step + 1 > len(wanted)
        x = layers.narrow(x, axis, wanted[0], wanted[-1] + 1 if surplus else x.shape[axis])
    return layers.depthwise(x, np.ones((x.shape[1], 1, 1, 1), np.float32), stride=(rows.step, columns.step))


def _reversed(x: Blob, axis: int) -> Blob:
    """Reverse an axis; a long one as a grid of its factors, by reversing each of the grid's axes."""
    size = x.shape[axis]
    parts = factors(size)
    if len(parts) == 1 or size <= SHORT:
        back = range(size - 1, -1, -1)
        return _side_by_side(x, axis, runs(back)) if size <= FEW else _by_matrix(x, axis, back)
    y = layers.reshape(x, (*x.shape[:axis], *parts, *x.shape[axis + 1 :]))
    for i in range(len(parts)):
        y = _reversed(y, axis + i)
    return layers.reshape(y, x.shape)


def _by_matrix(x: Blob, axis: int, indices: Sequence[int]) -> Blob:
    first, last = min(indices), max(indices)
    x = layers.narrow(x, axis, first, last + 1)
    size, wanted = x.shape[axis], np.asarray(indices) - first
    require(len(wanted) * size <= LARGEST_MATRIX, f"a selection of {len(wanted)} scattered entries of {size}")
    return by_matrix(x, axis, Lazy((len(wanted), size), lambda: wanted[:, None] == np.arange(size)))


def by_matrix(x: Blob, axis: int, matrix: Lazy) -> Blob:
    """The numbers along an axis times a matrix with as many columns: a 1 x 1 Convolution."""
    rows, size = matrix.shape
    weight = Lazy((rows, size, 1, 1), lambda: np.asarray(matrix, np.float32)[:, :, None, None])
    outer, inner = around(x.shape, axis)
    image = x if x.rank == 4 and axis == 1 else layers.reshape(x, (outer, size, inner, 1))
    return layers.reshape(layers.convolution(image, weight), resized(x.shape, axis, rows))


def flat_take(x: Blob, indices: Iterable[int], shape: Shape) -> Blob:
    """x's numbers at `indices` of its flat order, as a blob of `shape`; blocks that stay together move together."""
    wanted = np.fromiter(indices, np.int64)
    total = prod(x.shape)
    common = gcd(total, len(wanted))
    block = next(size for size in range(common, 0, -1) if common % size == 0 and _in_blocks(wanted, size))
    table = layers.reshape(x, (1, total // block, block))
    return layers.reshape(take(table, 1, [int(i) // block for i in wanted[::block]]), shape)


def _in_blocks(indices: npt.NDArray[np.int64], size: int) -> bool:
    rows = indices.reshape(-1, size)
    return bool((rows[:, 0] % size == 0).all() and (np.diff(rows, axis=1) == 1).all())


def expand(x: Blob, shape: Shape) -> Blob:
    """Broadcast a blob to a shape of as many axes or more."""
    return broadcast.expand(layers.reshape(x, (1,) * (len(shape) - x.rank) + x.shape), shape)


def constant(source: Blob, value: Weights) -> Blob:
    """A blob with fixed numbers, in the network that `source` belongs to: the bias of an InnerProduct with weight 0.

    Not every engine has a layer without an input.
    """
    few = numbers_of_the_input(source)
    count = prod(value.shape)
    bias = Lazy((count,), lambda: np.asarray(value, np.float32).reshape(-1))
    weight = np.zeros((count, few.shape[1]), np.float32)
    return layers.reshape(layers.inner_product(few, weight, bias), tuple(value.shape))


def numbers_of_the_input(source: Blob) -> Blob:
    """One number or a few, (1, n, 1, 1), for what needs a bottom and not its values: the largest ones of an input.

    They are finite, as values inside the network need not be, and pooling leaves no part of the input over.
    """
    inputs = [node for node in ancestors([source]) if node.type == "Input"]
    require(inputs, "a constant in a network without inputs")
    x = inputs[0].tops[0]
    image = x.rank == 4 and x.shape[0] == 1 and x.shape[1] <= CHANNELS
    return layers.global_pooling(x if image else layers.reshape(x, (1, 1, prod(x.shape), 1)), "MAX")
