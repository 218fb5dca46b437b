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
from converters.caffe.places import Context, Result
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.traits import of
from converters.caffe.values import spatial
from converters.errors import require

Sides = tuple[tuple[int, int], tuple[int, int]]  # (before, after) of rows and of columns


def absorb_pads(net: Net, context: Context) -> Result:
    """Let the readers of a Pad with zeros read what it pads, wherever they can."""
    readers = count_readers(net)
    pads = any(item.type == "Pad" for item in net.layers)

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        if node.bottoms[0].node.type != "Pad":
            return None
        return (_without_pad(node, alone=readers[item.bottoms[0]] == 1),)

    return replaced(net, lambda item: pads and len(item.bottoms) == 1, change)


def _zeros_around(blob: Blob) -> Sides:
    """How many zeros a Pad puts around an image; Unsupported where it does something else."""
    values = blob.node.values
    require(blob.rank == 4, f"the Pad before it pads no image, but {blob.rank} axes")
    require(_puts_zeros(blob.node), "the Pad before it does not pad with zeros")
    up, down, left, right = (values[f"pad_{side}"] for side in "udlr")
    require(min(up, down, left, right) >= 0, "the Pad before it cuts")
    return (up, down), (left, right)


def _puts_zeros(node: Node) -> bool:
    return node.type == "Pad" and node.values["pad_type"] == "CONSTANT" and not node.values["pad_value"]


def _without_pad(node: Node, alone: bool) -> Blob:
    """The same on what the Pad before the layer reads; Unsupported where the layer needs the Pad."""
    sides = _zeros_around(node.bottoms[0])
    pad = node.bottoms[0].node
    if node.type == "Convolution":
        return _convolution(node, pad.bottoms[0], sides)
    if node.type == "Pooling":
        return _pooling(node, pad.bottoms[0], sides)
    zero = of(node.type).keeps_zero
    require(zero, f"{node.type} can't hold the zeros of the Pad before it, nor leave them zero")
    require(alone, "the Pad before it has other readers")
    inner = remade(node, pad.bottoms, origin=pad.origin)
    return remade(pad, inner.tops, origin=node.origin).tops[0]


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


def _pooling(node: Node, x: Blob, sides: Sides) -> Blob:
    """The pooling over the image itself; Unsupported where windows change or padding is not what the zeros were."""
    values = node.values
    kernel, pad = (spatial(values, name, 2) for name in ("kernel_size", "pad"))
    (up, down), (left, right) = sides
    require(not values["global_pooling"], "a global pooling can't have padding")
    require(not any(pad), "it pads by itself already")
    require(up == down and left == right, "Caffe pads both ends alike, the Pad before it does not")
    require(up < kernel[0] and left < kernel[1], "Caffe's padding is smaller than the window, the Pad before it is not")
    average = values["pool"] == "AVE"
    require(average or _is_not_negative(x), "a maximum does not see Caffe's padding, and a number may be negative")
    param: dict[str, Any] = {k: v for k, v in values.given.items() if k not in ("pad", "pad_h", "pad_w")}
    param.update({"pad": up} if up == left else {"pad_h": up, "pad_w": left})
    params = {**node.params, "pooling_param": param}
    made = remade(node, (x,), params=params)
    require(made.shapes == node.shapes, "Caffe would take other windows")
    return made.tops[0]


def _is_not_negative(blob: Blob) -> bool:
    while of(blob.node.type).keeps_sign or _puts_zeros(blob.node):
        blob = blob.node.bottoms[0]
    sloped = blob.node.values.given.get("negative_slope")
    return of(blob.node.type).not_negative and not sloped
