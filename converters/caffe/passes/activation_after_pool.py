"""An activation before a maximum -> after it, where a quarter of the numbers are left.

The largest number stays the largest under a function that never falls, so both orders give the very same bits.
"""

from __future__ import annotations

from converters.caffe.graph import Blob, Node, remade
from converters.caffe.net import Layer, Net
from converters.caffe.places import Context, Result
from converters.caffe.replacement import count_readers, replaced
from converters.caffe.traits import of
from converters.caffe.values import spatial
from converters.errors import require


def activation_after_pool(net: Net, context: Context) -> Result:
    """Let a MAX pooling come before the activation that only it reads."""
    readers = count_readers(net)

    def change(node: Node, item: Layer) -> tuple[Blob] | None:
        if not of(node.bottoms[0].node.type).monotone:
            return None
        require(readers[item.bottoms[0]] == 1, f"the {node.bottoms[0].node.type} before it has other readers")
        return (_swapped(node),)

    return replaced(net, _is_maximum, change)


def _is_maximum(item: Layer) -> bool:
    return item.type == "Pooling" and item.values["pool"] == "MAX" and len(item.tops) == 1


def _swapped(node: Node) -> Blob:
    """The activation of the pooled numbers; Unsupported where that is not the same or saves nothing."""
    before = node.bottoms[0].node
    require(before.values.given.get("negative_slope", 0) >= 0, "the ReLU before it falls below zero")
    require(_reduces(node), "it has a window for every number, which saves nothing")
    require(_full(node), "a window of it may be empty")
    return remade(before, remade(node, before.bottoms).tops).tops[0]


def _reduces(node: Node) -> bool:
    """Whether fewer numbers come out than go in."""
    return bool(node.values["global_pooling"]) or max(spatial(node.values, "stride", 2)) > 1


def _full(node: Node) -> bool:
    """Whether every window has a number in it; Caffe gives -FLT_MAX for one that has none."""
    if node.values["global_pooling"]:
        return True
    kernel, stride = (spatial(node.values, name, 2) for name in ("kernel_size", "stride"))
    return all(k >= s for k, s in zip(kernel, stride, strict=True))
