"""The default: what BVLC 1.0 and master, SSD, brocolli-caffe and OpenCV 4 all compute alike."""

from __future__ import annotations

from converters.dialects.base import Dialect, register
from converters.dialects.known.opencv import OPENCV_4

PORTABLE = register(Dialect("portable", "every Caffe: BVLC, SSD, brocolli and OpenCV 4", OPENCV_4, engines=("opencv", "caffe")))
