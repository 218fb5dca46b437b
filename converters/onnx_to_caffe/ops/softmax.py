"""Softmax and what is told by comparing numbers along an axis."""

from __future__ import annotations

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.caffe.composite.layers import index_of_largest
from converters.caffe.graph import Blob
from converters.caffe.reduce import largest as largest_of
from converters.caffe.reduce import log_largest_share, rank_of_largest
from converters.errors import require
from converters.onnx_to_caffe.ops.arithmetic import negative, plus
from converters.onnx_to_caffe.parts.broadcast import view
from converters.onnx_to_caffe.registry import Const, lowers

EXACT = 2**24  # whole numbers up to here are exact in float32


@lowers("Softmax")
def softmax(x: Blob, *, axis: int = -1) -> Blob:
    """Softmax -> Softmax, the axis counted from the front."""
    return layers.softmax(x, axis % x.rank)


@lowers("LogSoftmax")
def log_softmax(x: Blob, *, axis: int = -1) -> Blob:
    """x - logsumexp(x). The logarithm of Softmax itself would be -inf where a share underflows."""
    axis %= x.rank
    top = largest_of(x, axis, axis + 1)
    return plus(x, layers.sub(log_largest_share(x, axis, axis + 1), top))


@lowers("Hardmax")
def hardmax(x: Blob, *, axis: int = -1) -> Blob:
    """1 at the first maximum along an axis, else 0: scores that fall along the axis, less the best score, plus 1."""
    axis %= x.rank
    scores, best = rank_of_largest(x, axis, last=False)
    behind = layers.sub(scores, expand(best, x.shape))
    return layers.relu(layers.power(behind, shift=1))


@lowers("ArgMax")
def argmax(x: Blob, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Blob:
    """ArgMax -> IndexOfLargest, a float. Of equal numbers ONNX means the first unless told otherwise."""
    return _argmax(x, axis, keepdims, select_last_index)


@lowers("ArgMin")
def argmin(x: Blob, *, axis: int = 0, keepdims: int = 1, select_last_index: int = 0) -> Blob:
    """ArgMin -> IndexOfLargest of the negative."""
    return _argmax(negative(x), axis, keepdims, select_last_index)


@lowers("TopK")
def top_k(x: Blob, k: Const, *, axis: int = -1, largest: int = 1, sorted: int = 1) -> tuple[Blob, Blob]:
    """TopK of one -> the maximum and IndexOfLargest; of the smallest, those of the negative."""
    require(k.ints() == [1], f"k={k.ints()[0]}: no layer of Caffe's sorts numbers", "take 1, or sort on the host")
    axis %= x.rank
    y = x if largest else negative(x)
    top = largest_of(y, axis, axis + 1)
    return (top if largest else negative(top)), _argmax(y, axis, keepdims=1, last=0)


def _argmax(x: Blob, axis: int, keepdims: int, last: int) -> Blob:
    axis %= x.rank
    require(x.shape[axis] <= EXACT, f"an index up to {x.shape[axis]}, over float32's whole numbers")
    y = index_of_largest(x, axis, bool(last))
    return y if keepdims else view(y, (*x.shape[:axis], *x.shape[axis + 1 :]))
