"""BVLC's own Caffe: release 1.0 of 2017, and master, which got Clip, Swish and round_mode in 2018."""

from __future__ import annotations

from converters.dialects.base import Dialect, rule
from converters.dialects.common import CAFFE_2017, POOLING

BVLC_1_0 = Dialect("bvlc-1.0", "BVLC Caffe 1.0 (2017)", CAFFE_2017)
MASTER = CAFFE_2017 | {
    "Pooling": rule("pooling_param", POOLING + " round_mode"),
    "Clip": rule("clip_param", "min max"),
    "Swish": rule("swish_param", "beta"),
}
BVLC = Dialect("bvlc", "BVLC Caffe master (2018 and later)", MASTER)
SHUFFLENET = Dialect(
    "shufflenet",
    "BVLC Caffe master with the ShuffleChannel layer",
    MASTER | {"ShuffleChannel": rule("shuffle_channel_param", "group")},
)
