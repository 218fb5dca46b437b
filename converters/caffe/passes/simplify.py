"""The passes that make a network smaller whatever the dialect, in their order."""

from __future__ import annotations

from converters.caffe.net import Net
from converters.caffe.passes.absorb_pads import absorb_pads
from converters.caffe.passes.absorb_transposes import absorb_transposes
from converters.caffe.passes.activation_after_pool import activation_after_pool
from converters.caffe.passes.fold import fold
from converters.caffe.passes.merge_duplicates import merge_duplicates


def simplify(net: Net) -> Net:
    """Merge layers that are alike, which leaves fewer readers to each blob; then move what weights can hold there.

    Pads go before activations move, as a maximum over zeros must see that nothing below them is left.
    """
    return activation_after_pool(fold(absorb_pads(absorb_transposes(merge_duplicates(net)))))
