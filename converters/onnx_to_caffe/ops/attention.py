"""Attention: products, Softmax and a bias. What is masked gets a bias that no score outweighs, so its share is 0."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.graph import Blob
from converters.caffe.net import Shape
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import add, mul
from converters.onnx_to_caffe.ops.matmul import as_const, matrix_product
from converters.onnx_to_caffe.ops.select import concat
from converters.onnx_to_caffe.parts.linear import affine
from converters.onnx_to_caffe.parts.transposed import transpose
from converters.onnx_to_caffe.registry import Const, Value, lowers

Array = npt.NDArray[Any]
MASKED = -1e30  # an infinity would do as well, but not every engine's exponential takes one
RAW, CAPPED, BIASED, SHARES = range(4)


def moved(value: Value, order: Sequence[int], shape: Shape) -> Value:
    """A computed or constant value, reshaped after a transpose."""
    if isinstance(value, Blob):
        return layers.reshape(transpose(value, order), shape)
    return as_const(np.asarray(value, np.float32).transpose(order).reshape(shape))


def heads(value: Value, count: int) -> Value:
    """(B, S, heads * d) -> (B, heads, S, d); four axes are left as they are."""
    if value.rank == 4:
        return value
    b, s, width = value.shape
    require(count > 0 and width % count == 0, f"{width} numbers in {count} heads")
    parted = moved(value, (0, 1, 2), (b, s, count, width // count))
    return moved(parted, (0, 2, 1, 3), (b, count, s, width // count))


def joined(past: Value | None, new: Value) -> Value:
    """The cached keys or values with the new ones behind them."""
    if past is None:
        return new
    if isinstance(past, Const) and isinstance(new, Const):
        return as_const(np.concatenate([past.array, new.array], axis=2))
    return concat(past, new, axis=2)


def fixed_bias(mask: Const | None, causal: bool, offset: Array, lengths: Array | None, shape: Shape) -> Array:
    """The sum of all constant masks, broadcast to (B, 1 or heads, queries, keys); infinite where a key is not seen."""
    b, _, queries, keys = shape
    bias = np.zeros((b, 1, queries, keys), np.float32)
    if mask is not None:
        array = mask.array
        missing = keys - array.shape[-1]
        given = np.where(array, 0, -np.inf).astype(np.float32) if array.dtype == bool else array
        bias = bias + np.pad(given, [(0, 0)] * (given.ndim - 1) + [(0, missing)], constant_values=-np.inf)
    at = np.arange(keys)
    if causal:
        seen = at <= np.arange(queries)[:, None] + offset.reshape(-1, 1, 1, 1)
        bias = np.where(seen, bias, -np.inf)
    if lengths is not None:
        bias = np.where(at < lengths.reshape(-1, 1, 1, 1), bias, -np.inf)
    return bias


def shares_of(scores: Blob, mask: Blob | None, bias: Array) -> tuple[Blob, Blob]:
    """The scores with their bias, and their softmax over the keys; a query that sees no key gets zeros."""
    if mask is not None:
        require(
            mask.shape[-1] == scores.shape[-1], f"a computed mask of {mask.shape[-1]} keys out of {scores.shape[-1]}"
        )
        scores = add(scores, mask)
    if np.any(bias):
        scores = add(scores, as_const(np.maximum(bias, MASKED)))
    shares = layers.softmax(scores, 3)
    sighted = np.max(bias, axis=-1, keepdims=True) > -np.inf
    return scores, shares if np.all(sighted) else mul(shares, as_const(np.asarray(sighted)))


@lowers("Attention")
def attention(
    q: Value,
    k: Value,
    v: Value,
    attn_mask: Value | None = None,
    past_key: Value | None = None,
    past_value: Value | None = None,
    nonpad_kv_seqlen: Const | None = None,
    *,
    is_causal: int = 0,
    kv_num_heads: int = 0,
    q_num_heads: int = 0,
    qk_matmul_output_mode: int = 0,
    scale: float | None = None,
    softcap: float = 0.0,
    softmax_precision: int = 1,
) -> tuple[Blob, ...]:
    """Attention -> two products with Softmax between them; queries that share keys are rows of one product."""
    require(softmax_precision in (1, 11), f"softmax_precision={softmax_precision}")
    require(softcap >= 0, f"softcap={softcap}")
    flat = q.rank == 3
    q, k, v = heads(q, q_num_heads), heads(k, kv_num_heads), heads(v, kv_num_heads)
    k, v = joined(past_key, k), joined(past_value, v)
    (b, n, queries, d), (_, shared, keys, _) = q.shape, k.shape
    rows = (b, shared, n // shared * queries, d)
    turned = moved(k, (0, 1, 3, 2), (b, shared, d, keys))
    raw = matrix_product(moved(q, range(4), rows), turned)
    raw = affine(layers.reshape(raw, (b, n, queries, keys)), scale=1 / sqrt(d) if scale is None else scale)
    capped = raw
    if softcap:
        capped = affine(layers.neuron("TanH", affine(raw, scale=1 / softcap)), scale=softcap)
    lengths = nonpad_kv_seqlen.array if nonpad_kv_seqlen is not None else None
    offset = np.array(past_key.shape[2] if past_key is not None else 0) if lengths is None else lengths - queries
    mask = attn_mask if isinstance(attn_mask, Blob) else None
    fixed = attn_mask if isinstance(attn_mask, Const) else None
    bias = fixed_bias(fixed, bool(is_causal), offset, lengths, raw.shape)
    biased, shares = shares_of(capped, mask, bias)
    y = matrix_product(layers.reshape(shares, (*rows[:3], keys)), v)
    y = layers.reshape(y, (b, n, queries, v.shape[3]))
    if flat:
        y = layers.reshape(transpose(y, (0, 2, 1, 3)), (b, queries, n * v.shape[3]))
    present = [value if isinstance(value, Blob) else moves.constant(y, value) for value in (k, v)]
    seen = {RAW: raw, CAPPED: capped, BIASED: biased, SHARES: shares}
    if qk_matmul_output_mode == BIASED and np.isneginf(bias).any():
        return (y, *present)  # the scores would be infinite
    return (y, *present, seen[qk_matmul_output_mode])
