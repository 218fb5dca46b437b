"""Matrix products with a constant -> InnerProduct."""

from __future__ import annotations

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Weights
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, Value, lowers, need_blob, need_const


def transposed(w: Const, scale: float = 1.0) -> Weights:
    """A (K, N) matrix as InnerProduct's (N, K)."""
    return Lazy((w.shape[1], w.shape[0]), lambda: np.asarray(w, np.float32).T * np.float32(scale))


@lowers("Gemm")
def gemm(
    a: Value,
    b: Value,
    c: Value | None = None,
    *,
    alpha: float = 1.0,
    beta: float = 1.0,
    transA: int = 0,
    transB: int = 0,
) -> Blob:
    """Gemm with constant B and C -> InnerProduct."""
    a, b = need_blob(a, "A"), need_const(b, "B")
    require(not transA, "transA=1")
    weight: Weights = b
    if not transB:
        weight = transposed(b, alpha)
    elif alpha != 1:
        weight = Lazy(b.shape, lambda: np.asarray(b, np.float32) * np.float32(alpha))
    if c is None or beta == 0:
        return layers.inner_product(a, weight)
    c = need_const(c, "C")
    n = weight.shape[0]
    require(c.shape in ((n,), (1, n), (1,), ()), f"C of shape {c.shape} is not one bias for each of {n} outputs")
    bias = Lazy((n,), lambda: np.broadcast_to(np.asarray(c, np.float32).reshape(-1) * np.float32(beta), (n,)))
    return layers.inner_product(a, weight, bias)


@lowers("MatMul")
def matmul(a: Value, b: Value) -> Blob:
    """MatMul by a constant matrix -> InnerProduct over the last axis."""
    a, b = need_blob(a, "A"), need_const(b, "B")
    require(b.rank == 2 and a.rank >= 2, f"a product of {a.shape} and {b.shape}")
    return layers.inner_product(a, transposed(b), axis=a.rank - 1)
