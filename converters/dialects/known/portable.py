"""The default: what BVLC 1.0 and master, SSD, brocolli-caffe and OpenCV 4 all compute alike, and most importers read.

Silence, which most chips' compilers and independent importers lack, is left out: what nothing reads is not made.
"""

from __future__ import annotations

from converters.dialects.base import Dialect, intersection
from converters.dialects.known.brocolli import BROCOLLI
from converters.dialects.known.bvlc import BVLC, BVLC_1_0
from converters.dialects.known.opencv import OPENCV
from converters.dialects.known.ssd import SSD

LAYERS = intersection(*(dialect.layers for dialect in (BVLC_1_0, BVLC, SSD, BROCOLLI, OPENCV)))
PORTABLE = Dialect(
    "portable",
    "every Caffe: BVLC, SSD, brocolli and OpenCV 4",
    {kind: rule for kind, rule in LAYERS.items() if kind != "Silence"},
    engines=("opencv", "caffe"),
)
