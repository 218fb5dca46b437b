"""Constructors of the layers that stand for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from converters.caffe.graph import Blob, layer
from converters.caffe.net import Weights


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


def index_of_largest(x: Blob, axis: int, last: bool) -> Blob:
    """The index of the maximum along an axis (0 or more), the first or the last where several are equal.

    Of the layers that a dialect may have for it, Caffe's ArgMax gives the last.
    """
    return layer("IndexOfLargest", x, index_param={"axis": axis, "last": last}).tops[0]
