"""Zeros around an image -> the padding of the convolutions and poolings that read it.

A Pad moves behind layers that leave zeros zero; a convolution takes any pad, with zero taps where both ends differ. A
maximum sees Caffe's padding as nothing at all: that is the same where no number is negative.
"""

from __future__ import annotations

from typing import Any

from converters.caffe import layers
from converters.caffe.graph import Blob, Node, remade
from converters.caffe.kernels import grown_dilated, uneven
from converters.caffe.net import Layer, Net
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.traits import of
from converters.caffe.values import spatial
from converters.errors import Unsupported

Sides = tuple[tuple[int, int], tuple[int, int]]  # (before, after) of rows and of columns


def absorb_pads(net: Net) -> Net:
    """Return the net in which the readers of a Pad with zeros read what it pads, wherever they can."""
    if not any(item.type == "Pad" for item in net.layers):
        return net
    readers = count_readers(net)

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        made = _without_pad(node, alone=readers[item.bottoms[0]] == 1) if len(item.bottoms) == 1 else None
        return None if made is None else (made,)

    return replaced(net, change)


def _zeros_around(blob: Blob) -> Sides | None:
    """How many zeros a Pad puts around an image, or None where the layer is none that does."""
    values = blob.node.values
    if blob.node.type != "Pad" or blob.rank != 4 or values["pad_value"] or values["pad_type"] != "CONSTANT":
        return None
    up, down, left, right = (values[f"pad_{side}"] for side in "udlr")
    return ((up, down), (left, right)) if min(up, down, left, right) >= 0 else None


def _without_pad(node: Node, alone: bool) -> Blob | None:
    """The same on what the Pad before the layer reads, or None where the layer needs the Pad."""
    pad = node.bottoms[0].node
    sides = _zeros_around(node.bottoms[0])
    if sides is None:
        return None
    if node.type == "Convolution":
        return _convolution(node, pad.bottoms[0], sides)
    if node.type == "Pooling":
        return _pooling(node, pad.bottoms[0], sides)
    if alone and of(node.type).keeps_zero:
        inner = remade(node, pad.bottoms, origin=pad.origin)
        return remade(pad, inner.tops, origin=node.origin).tops[0]
    return None


def _convolution(node: Node, x: Blob, sides: Sides) -> Blob:
    """The kernel over the image itself, with the Pad's zeros as its own."""
    kernel, stride, pad, dilation = (
        spatial(node.values, name, 2) for name in ("kernel_size", "stride", "pad", "dilation")
    )
    begin = [p + before for p, (before, _) in zip(pad, sides, strict=True)]
    gaps = [
        uneven(size, b, d * (k - 1) + 1, s, d, count)
        for size, b, k, s, d, count in zip(
            x.shape[2:], begin, kernel, stride, dilation, node.shapes[0][2:], strict=True
        )
    ]
    front, back = [max(gap, 0) for gap in gaps], [max(-gap, 0) for gap in gaps]
    weight, *bias = node.blobs
    weight, dilation = grown_dilated(weight, front, back, dilation)
    return layers.convolution(
        x,
        weight,
        bias[0] if bias else None,
        stride=stride,
        pad=[b + f for b, f in zip(begin, front, strict=True)],
        dilation=dilation,
        group=node.values["group"],
    )


def _pooling(node: Node, x: Blob, sides: Sides) -> Blob | None:
    """The pooling over the image itself, where its windows stay the same and the padding is what the zeros were."""
    values = node.values
    average = values["pool"] == "AVE"
    kernel, pad = (spatial(values, name, 2) for name in ("kernel_size", "pad"))
    (up, down), (left, right) = sides
    fits = up == down < kernel[0] and left == right < kernel[1] if kernel else False
    if values["global_pooling"] or any(pad) or not fits or not (average or _is_not_negative(x)):
        return None
    param: dict[str, Any] = {k: v for k, v in values.given.items() if k not in ("pad", "pad_h", "pad_w")}
    param.update({"pad": up} if up == left else {"pad_h": up, "pad_w": left})
    params = {**node.params, "pooling_param": param}
    try:
        made = remade(node, (x,), params=params)
    except Unsupported:
        return None
    return made.tops[0] if made.shapes == node.shapes else None


def _is_not_negative(blob: Blob) -> bool:
    while of(blob.node.type).keeps_sign or _zeros_around(blob):
        blob = blob.node.bottoms[0]
    sloped = blob.node.values.given.get("negative_slope")
    return of(blob.node.type).not_negative and not sloped
