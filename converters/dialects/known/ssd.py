"""The SSD branch: Caffe as of 2017, and what object detectors need, of which Permute and Normalize serve others too."""

from __future__ import annotations

from converters.dialects.base import Dialect, rule
from converters.dialects.common import CAFFE_2017, axes_between

LAYERS = CAFFE_2017 | {
    "Permute": rule("permute_param", "order"),
    "Normalize": rule("norm_param", "across_spatial channel_shared eps", axes_between(2, 4)),
}
SSD = Dialect("ssd", "the SSD branch of BVLC Caffe (2017)", LAYERS)
