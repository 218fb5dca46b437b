"""The default: what BVLC 1.0 and master, SSD, brocolli-caffe and OpenCV 4 all compute alike, and most importers read.

Silence and Split, which most chips' compilers and independent importers lack, are left out: what nothing reads is not
made, and a blob has as many readers as it has.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod

from converters.caffe.graph import Node
from converters.dialects.base import Dialect, intersection
from converters.dialects.known.brocolli import BROCOLLI
from converters.dialects.known.bvlc import BVLC, BVLC_1_0
from converters.dialects.known.opencv import OPENCV
from converters.dialects.known.ssd import SSD


def line_of_a_gate(node: Node) -> str:
    """scale * x + shift of one number a channel: importers that lack Power have Scale, which costs nothing there.

    Of whole images OpenCV's Scale is slower: MobileNet V3 would take 8 % longer for its HardSwish, V2 3 % for ReLU6.
    """
    shape = node.bottoms[0].shape
    line = node.values["power"] == 1 and len(shape) == 4 and prod(shape[2:]) == 1
    return "a Scale says the same, and more importers read it" if line else ""


def one_row_an_image(node: Node) -> str:
    """Few importers read InnerProduct's axis."""
    return "" if node.values["axis"] == 1 else "InnerProduct along an axis other than 1"


LAYERS = intersection(*(dialect.layers for dialect in (BVLC_1_0, BVLC, SSD, BROCOLLI, OPENCV)))
INNER = LAYERS["InnerProduct"]
PORTABLE = Dialect(
    "portable",
    "every Caffe: BVLC, SSD, brocolli and OpenCV 4",
    {kind: rule for kind, rule in LAYERS.items() if kind not in ("Silence", "Split")}
    | {"InnerProduct": replace(INNER, checks=(*INNER.checks, one_row_an_image))},
    engines=("opencv", "caffe"),
    avoided={"Power": (line_of_a_gate,)},
)
