"""MatMul and Gemm: InnerProduct or a 1x1 Convolution by a constant matrix, Product of two computed ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.caffe.composite.layers import product
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape, Weights
from converters.errors import Unsupported, require
from converters.onnx_to_caffe.ops.arithmetic import add
from converters.onnx_to_caffe.parts.linear import affine
from converters.onnx_to_caffe.parts.transposed import source_of_transpose, transpose
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob

Array = npt.NDArray[Any]


def derived(const: Const, shape: Shape, change: Callable[[Array], Array]) -> Lazy:
    """A constant in another form, made when the weights are written."""
    return Lazy(shape, lambda: change(np.asarray(const, np.float32)))


def as_const(array: Array) -> Const:
    """Numbers as a constant input, for another operator's lowering."""
    return Const("", ir.Tensor(np.asarray(array, np.float32)))


def expand_batch(x: Blob, batch: Shape) -> Blob:
    """x (..., R, C) with its batch axes repeated to the given ones, as Caffe never broadcasts."""
    matrix = x.shape[-2:]
    return expand(layers.reshape(x, ((1,) * (len(batch) - x.rank + 2) + x.shape)), (*batch, *matrix))


def times_constant(a: Blob, w: Const) -> Blob:
    """a (..., M, K) times a constant (..., K, P), up to the shape of the result.

    One matrix -> InnerProduct. One for each batch -> an InnerProduct for each, or a grouped Convolution where M is 1.
    """
    k, p = w.shape[-2:]
    if prod(w.shape[:-2]) == 1:
        return layers.inner_product(a, derived(w, (p, k), lambda m: m.reshape(k, p).T), axis=a.rank - 1)
    full = np.broadcast_shapes(a.shape[:-2], w.shape[:-2])
    own = (1,) * (len(full) - w.rank + 2) + w.shape[:-2]
    low = next(i for i, size in enumerate(own) if size > 1)
    high = max(i for i, size in enumerate(own) if size > 1) + 1
    g, m = prod(full[low:high]), a.shape[-2] * prod(full[high:])

    def each(array: Array) -> Array:
        """One (P, K) matrix for each batch."""
        matrices = np.broadcast_to(array.reshape(*own[low:high], k, p), (*full[low:high], k, p))
        return np.swapaxes(matrices.reshape(g, k, p), 1, 2)

    if prod(a.shape[:-2]) == 1:  # every matrix reads the same rows
        y = layers.inner_product(layers.reshape(a, (m, k)), derived(w, (g * p, k), lambda x: each(x).reshape(g * p, k)))
        return transpose(layers.reshape(y, (m, g, p)), (1, 0, 2))
    a = expand_batch(a, full)
    outer = prod(full[:low])
    if m == 1:
        weight = derived(w, (g * p, k, 1, 1), lambda x: each(x).reshape(g * p, k, 1, 1))
        return layers.convolution(layers.reshape(a, (outer, g * k, 1, 1)), weight, group=g)
    parts = layers.slices(layers.reshape(a, (outer, g, m, k)), 1, range(1, g))
    made = [
        layers.inner_product(part, derived(w, (p, k), lambda x, i=i: each(x)[i]), axis=3)  # type: ignore[misc]
        for i, part in enumerate(parts)
    ]
    return layers.concat(1, *(layers.reshape(y, (outer, 1, m, p)) for y in made))


def constant_times(w: Const, b: Blob) -> Blob:
    """A constant (..., M, K) times b (..., K, P), up to the result's shape: a 1x1 Convolution, one group a batch."""
    m, k = w.shape[-2:]
    p = b.shape[-1]
    full = np.broadcast_shapes(w.shape[:-2], b.shape[:-2])
    own = (1,) * (len(full) - w.rank + 2) + w.shape[:-2]
    low = next((i for i, size in enumerate(own) if size > 1), len(full))
    g, outer = prod(full[low:]), prod(full[:low])

    def each(array: Array) -> Array:
        matrices = np.broadcast_to(array.reshape(*own[low:], m, k), (*full[low:], m, k))
        return matrices.reshape(g * m, k, 1, 1)

    if prod(b.shape[:-2]) == 1:  # every matrix reads the same columns
        return layers.convolution(layers.reshape(b, (1, k, p, 1)), derived(w, (g * m, k, 1, 1), each))
    b = layers.reshape(expand_batch(b, full), (outer, g * k, p, 1))
    return layers.convolution(b, derived(w, (g * m, k, 1, 1), each), group=g)


def of_computed(a: Blob, b: Blob) -> Blob:
    """a (..., M, K) times b (..., K, P), both computed -> Product, up to the shape of the result.

    A transpose that makes the left operand is not made where Product can do without.
    """
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    before = source_of_transpose(a)
    if before is None and prod(b.shape[:-2]) == 1:  # rows of all batches meet one matrix
        rows, matrix = (1, prod(a.shape[:-1]), a.shape[-1]), (1, *b.shape[-2:])
        return product(layers.reshape(a, rows), layers.reshape(b, matrix))
    a, g = before or a, prod(batch)
    a = layers.reshape(expand_batch(a, batch), (g, *a.shape[-2:]))
    b = layers.reshape(expand_batch(b, batch), (g, *b.shape[-2:]))
    return product(a, b, trans_a=before is not None)


def matrix_product(a: Value, b: Value) -> Blob:
    """What numpy's matmul gives for operands of two axes or more, of which at least one is computed."""
    m, k, p = a.shape[-2], a.shape[-1], b.shape[-1]
    require(b.shape[-2] == k, f"a product of {a.shape} and {b.shape}")
    if isinstance(a, Blob):
        y = of_computed(a, b) if isinstance(b, Blob) else times_constant(a, b)
    elif isinstance(b, Blob):
        y = constant_times(a, b)
    else:
        raise Unsupported("both operands are constants")
    return layers.reshape(y, (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), m, p))


def _with_shape(value: Value, shape: Shape) -> Value:
    if isinstance(value, Blob):
        return layers.reshape(value, shape)
    return as_const(value.array.reshape(shape)) if value.shape != shape else value


@lowers("MatMul")
def matmul(a: Value, b: Value) -> Blob:
    """MatMul of operands of any ranks; one of a single axis is a row on the left, a column on the right."""
    left = a if a.rank > 1 else _with_shape(a, (1, *a.shape))
    right = b if b.rank > 1 else _with_shape(b, (*b.shape, 1))
    y = matrix_product(left, right)
    shape = y.shape
    if b.rank == 1:
        shape = shape[:-1]
    if a.rank == 1:
        shape = (*shape[:-2], *shape[-1:]) if b.rank > 1 else shape[:-1]
    return layers.reshape(y, shape)


@lowers("Gemm")
def gemm(
    a: Value,
    b: Value,
    c: Value | None = None,
    *,
    out_shapes: Sequence[Shape],
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Blob:
    """alpha A' B' + beta C: constants take alpha and beta in, a C that is one number for each output is the bias."""
    if beta == 0:
        c = None
    if c is not None:
        out = out_shapes[0]
        fits = len(c.shape) <= 2 and all(
            size in (1, whole) for size, whole in zip(reversed(c.shape), reversed(out), strict=False)
        )
        require(fits, f"a C of shape {c.shape} for {out}")
    if isinstance(a, Blob) and isinstance(b, Const):
        n = b.shape[0] if transB else b.shape[1]
        weight: Weights = b
        if not transB or alpha != 1:
            k = b.shape[1] if transB else b.shape[0]
            weight = derived(b, (n, k), lambda w: (w if transB else w.T) * np.float32(alpha))
        bias = _bias(c, beta, n)
        y = layers.inner_product(transpose(a, (1, 0)) if transA else a, weight, bias)
        return y if bias is not None else _plus(y, c, beta)
    if isinstance(a, Const) and isinstance(b, Const):
        require(c is not None, "all operands are constants")
        return add(as_const(alpha * (_matrix(a, transA) @ _matrix(b, transB))), _scaled(need_blob(c, "C"), beta))
    if isinstance(a, Const):
        matrix, b = as_const(_matrix(a, transA) * alpha), need_blob(b, "B")
        y = constant_times(matrix, transpose(b, (1, 0)) if transB else b)
        return _plus(layers.reshape(y, (matrix.shape[0], y.shape[2])), c, beta)
    left, right = (layers.reshape(m, (1, *m.shape)) for m in (a, need_blob(b, "B")))
    y = product(left, right, trans_a=bool(transA), trans_b=bool(transB))
    y = layers.reshape(y, y.shape[1:])
    return _plus(affine(y, scale=alpha), c, beta)


def _matrix(m: Const, flip: int) -> Array:
    array = np.asarray(m, np.float64)
    return array.T if flip else array


def _bias(c: Value | None, beta: float, n: int) -> Lazy | None:
    """C as an InnerProduct's bias, where it is a constant with one number for each of the n outputs or one for all."""
    if not isinstance(c, Const) or c.shape not in ((n,), (1, n), (1,), (1, 1), ()):
        return None
    return derived(c, (n,), lambda array: np.broadcast_to(array.reshape(-1) * np.float32(beta), (n,)))


def _scaled(c: Value, beta: float) -> Value:
    if beta == 1:
        return c
    return affine(c, scale=beta) if isinstance(c, Blob) else as_const(c.array * np.float32(beta))


def _plus(y: Blob, c: Value | None, beta: float) -> Blob:
    return y if c is None else add(y, _scaled(c, beta))
