"""Nearest upsampling by two -> into the 3x3 convolution that reads it: one Deconvolution with sums of its taps.

Each output sees two rows and two columns of the small image; which taps meet there depends on whether its row and
column are even. 4 x 4 taps at stride 2 say it all, borders included, with 16 products a pixel of the small image in
place of 36. Behind a Concat the channels part: a Deconvolution of those upsampled plus a Convolution of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Layer, Lazy, Net, Weights
from converters.caffe.places import Result
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.values import spatial
from converters.errors import require

Blocks = Callable[[Node], str]  # why an engine does not take a layer, or ''
SUMS = np.array([[0, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0]])  # which of three taps meet in each of the four


@dataclass(frozen=True)
class _Part:
    """What a convolution reads: its channels from `first` on, and the small image where it is upsampled from one."""

    whole: Blob
    first: int
    small: Blob | None


def absorb_upsampling(net: Net, blocks: Blocks) -> Result:
    """Let a convolution of an upsampled image, alone or in a Concat, read the small one where nothing `blocks` that."""
    readers = count_readers(net)
    makers = {top: item for item in net.layers for top in item.tops}
    kinds = {item.type for item in net.layers}
    possible = "Upsample" in kinds or "Deconvolution" in kinds

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        parts = _parts(node.bottoms[0])
        if all(part.small is None for part in parts):
            return None
        joined = makers[item.bottoms[0]].bottoms if node.bottoms[0].node.type == "Concat" else ()
        doubled = [name for name, part in zip(joined, parts, strict=True) if part.small] if joined else []
        require(
            all(readers[name] == 1 for name in (item.bottoms[0], *doubled)), "the upsampled image has other readers"
        )
        _check(node)
        made = _sum(node, parts)
        for new in {made.node, *(bottom.node for bottom in made.node.bottoms)} - {part.whole.node for part in parts}:
            reason = blocks(new)
            require(not reason, f"the upsampling before it stays: {reason}")
        return (made,)

    return replaced(net, lambda item: possible and item.type == "Convolution", change)


def _parts(x: Blob) -> list[_Part]:
    """The blob, or what it is joined of channel by channel."""
    joined = x.node.type == "Concat" and x.rank == 4 and x.node.values["axis"] in (1, -3)
    parts, first = [], 0
    for blob in x.node.bottoms if joined else (x,):
        parts.append(_Part(blob, first, _halved(blob)))
        first += blob.shape[1]
    return parts


def _halved(blob: Blob) -> Blob | None:
    """The image each of whose pixels is a square of four in this one; None if there is none.

    OpenCV's Resize is left alone: it is quick there, as 3x3 convolutions are (by Winograd); a U-Net took 5 % longer.
    """
    node = blob.node
    if blob.rank != 4 or len(node.bottoms) != 1:
        return None
    doubles = node.type == "Upsample" and node.values["scale"] == 2
    return node.bottoms[0] if doubles or (node.type == "Deconvolution" and _repeats(node)) else None


def _repeats(node: Node) -> bool:
    """Whether a Deconvolution puts each pixel into a square of four."""
    values, weight = node.values, node.blobs[0]
    square = [spatial(values, name, 2) for name in ("kernel_size", "stride", "pad", "dilation")]
    alone = len(node.blobs) == 1 and tuple(weight.shape) == (values["group"], 1, 2, 2)
    return square == [[2, 2], [2, 2], [0, 0], [1, 1]] and alone and bool(np.all(np.asarray(weight) == 1))


def _check(node: Node) -> None:
    """Unsupported unless it is a 3x3 convolution whose output is as large as what it reads."""
    values = node.values
    kernel, stride, pad, dilation = (spatial(values, name, 2) for name in ("kernel_size", "stride", "pad", "dilation"))
    require(kernel == [3, 3], "the image before it is upsampled, and its kernel is not 3x3")
    require(
        stride == pad == dilation == [1, 1],
        "the image before it is upsampled, and its stride, pad or dilation is not 1",
    )
    require(values["group"] == 1, "the image before it is upsampled, and it has groups")


def _sum(node: Node, parts: Sequence[_Part]) -> Blob:
    """The convolution as a Deconvolution of the small images, plus a Convolution of the others if there are any."""
    weight, *bias = node.blobs
    others = [part for part in parts if not part.small]
    shift = bias[0] if bias else None
    small = layers.concat(1, *(part.small for part in parts if part.small))
    taps = _summed(_of(weight, [part for part in parts if part.small]))
    made = layers.convolution(small, taps, None if others else shift, stride=(2, 2), pad=(1, 1), transposed=True)
    if not others:
        return made
    rest = layers.concat(1, *(part.whole for part in others))
    return layers.add(layers.convolution(rest, _of(weight, others), shift, pad=(1, 1)), made)


def _of(weight: Weights, parts: Sequence[_Part]) -> Weights:
    """The weights of these parts' channels."""
    channels = [c for part in parts for c in range(part.first, part.first + part.whole.shape[1])]
    shape = (weight.shape[0], len(channels), *weight.shape[2:])
    return Lazy(shape, lambda: np.take(np.asarray(weight, np.float32), channels, 1))


def _summed(weight: Weights) -> Weights:
    """(M, C, 3, 3) -> (C, M, 4, 4): for each tap of the Deconvolution, the sum of those that see the same pixel."""
    m, c = weight.shape[:2]
    return Lazy((c, m, 4, 4), lambda: np.einsum("rk,mckl,sl->cmrs", SUMS, np.asarray(weight, np.float64), SUMS))
