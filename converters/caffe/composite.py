"""Layers that stand for many: no Caffe has them (OpenCV has MatMul), the rewrites of the dialects build them.

A lowering makes one of these where the best form differs from dialect to dialect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

from converters.caffe.graph import Blob, layer
from converters.caffe.net import Shape, Weights
from converters.caffe.shapes import RULES
from converters.errors import require

LARGEST_PRODUCT = 2**27  # multiplications of a product of two computed matrices; Caffe holds two blobs of that size


def product(a: Blob, b: Blob, *, trans_a: bool = False, trans_b: bool = False) -> Blob:
    """(G, M, K) times (G, K, P), batch by batch; trans_a: a is (G, K, M), trans_b: b is (G, P, K)."""
    flags = {name: True for name, on in (("trans_a", trans_a), ("trans_b", trans_b)) if on}
    return layer("Product", a, b, product_param=flags).tops[0]


def recurrence(
    kind: str,
    x: Blob,
    blobs: Sequence[Weights],
    *,
    states: Sequence[Blob] = (),
    **options: Any,
) -> tuple[Blob, ...]:
    """One direction of an LSTM, GRU or RNN over x (T, N, I): all hidden states (T, N, H), then the last ones (1, N, H).

    The rewrites of this layer say what the blobs and options are.
    """
    tops = 3 if kind == "LSTM" else 2
    return layer("Recurrence", x, *states, tops=tops, blobs=blobs, recurrence_param={"kind": kind, **options}).tops


def _product(params: Mapping[str, Any], bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    flags = params.get("product_param", {})
    (g, m, k), (h, q, p) = bottoms
    m, k = (k, m) if flags.get("trans_a") else (m, k)
    q, p = (p, q) if flags.get("trans_b") else (q, p)
    require((g, k) == (h, q), f"a product of {bottoms[0]} and {bottoms[1]}")
    require(
        g * m * k * p <= LARGEST_PRODUCT,
        f"a product of two computed matrices with {g * m * k * p:,} multiplications; the limit is {LARGEST_PRODUCT:,}",
    )
    return [(g, m, p)]


def _matmul(params: Mapping[str, Any], bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    a, b = bottoms
    require(a[:-2] == b[:-2] and a[-1] == b[-2], f"a product of {a} and {b}")
    return [(*a[:-1], b[-1])]


def _recurrence(params: Mapping[str, Any], bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    steps, batch, _ = bottoms[0]
    hidden = params["recurrence_param"]["hidden"]
    require(all(prod(state) == batch * hidden for state in bottoms[1:]), "an initial state of another size")
    return [(steps, batch, hidden), (1, batch, hidden), (1, batch, hidden)][:tops]


RULES.update({"Product": _product, "MatMul": _matmul, "Recurrence": _recurrence})
