"""The passes that make a network smaller whatever the dialect, in their order."""

from __future__ import annotations

from converters.caffe.net import Net
from converters.caffe.passes.common import merge_common
from converters.caffe.passes.fold import fold
from converters.caffe.passes.late import activate_late
from converters.caffe.passes.pads import absorb_pads
from converters.caffe.passes.transposes import absorb_transposes


def simplify(net: Net) -> Net:
    """Merge layers that are alike, which leaves fewer readers to each blob; then move what weights can hold there.

    Pads go before activations move, as a maximum over zeros must see that nothing below them is left.
    """
    return activate_late(fold(absorb_pads(absorb_transposes(merge_common(net)))))
