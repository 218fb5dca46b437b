"""An activation before a maximum -> after it, where a quarter of the numbers are left.

The largest number stays the largest under a function that never falls, so both orders give the very same bits.
"""

from __future__ import annotations

from converters.caffe.graph import Blob, Node, remade
from converters.caffe.net import Layer, Net
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.traits import of
from converters.caffe.values import spatial


def activation_after_pool(net: Net) -> Net:
    """Return the net in which a MAX pooling comes before the activation that only it reads."""
    readers = count_readers(net)

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        made = _swapped(node) if node.type == "Pooling" and readers[item.bottoms[0]] == 1 else None
        return None if made is None else (made,)

    return replaced(net, change)


def _swapped(node: Node) -> Blob | None:
    """The activation of the pooled numbers, or None where that is not the same or saves nothing."""
    before = node.bottoms[0].node
    if node.values["pool"] != "MAX" or len(node.shapes) != 1 or not of(before.type).monotone or not _full(node):
        return None
    if before.values.given.get("negative_slope", 0) < 0:
        return None
    return remade(before, remade(node, before.bottoms).tops).tops[0]


def _full(node: Node) -> bool:
    """Whether every window has a number in it; Caffe gives -FLT_MAX for one that has none."""
    if node.values["global_pooling"]:
        return True
    kernel, stride = (spatial(node.values, name, 2) for name in ("kernel_size", "stride"))
    return max(stride) > 1 and all(k >= s for k, s in zip(kernel, stride, strict=True))
