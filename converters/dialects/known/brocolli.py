"""brocolli-caffe: the SSD branch with layers for networks that come from PyTorch."""

from __future__ import annotations

from converters.dialects.base import Dialect, rule
from converters.dialects.common import POOLING, axes_between, grows
from converters.dialects.known.ssd import LAYERS as SSD_LAYERS

LAYERS = SSD_LAYERS | {
    "Pooling": rule("pooling_param", POOLING + " ceil_mode"),
    "ReLU6": rule("relu6_param", "negative_slope threshold"),
    "HardSigmoid": rule("hardsigmoid_param", "alpha beta"),
    "HardSwish": rule(),
    "Upsample": rule("upsample_param", "scale", axes_between(4, 4)),
    "PixelShuffle": rule("pixelshuffle_param", "upscale_factor"),
    # It promises two axes and more, but is right for images alone.
    "Pad": rule("pad_param", "pad_type pad_u pad_d pad_l pad_r pad_value", axes_between(4, 4), grows),
    "BilinearInterpolate": rule("bilinear_interpolate_param", "dst_h dst_w align_corners", axes_between(4, 4)),
}
BROCOLLI = Dialect("brocolli", "brocolli-caffe 9: SSD and layers for PyTorch's networks", LAYERS)
