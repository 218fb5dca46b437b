"""Images in other sizes: layers that have one name in several forks, and another meaning in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Shape
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import lifts
from converters.errors import require


def resize(op: Ops, x: ir.Value, size: Shape, mode: str, where: str, old: Shape = ()) -> ir.Value:
    """x with this height and width. `where`: how places are mapped, as ONNX names it. `old`: x's, if it tells none."""
    nearest = {"nearest_mode": "floor"} if mode == "nearest" else {}
    pairs = list(zip(old or dims(x)[2:], size, strict=True))
    require(mode == "linear" or all(b % a == 0 for a, b in pairs), f"of {old or dims(x)} to {size}, no whole factor")
    scales = np.asarray([1, 1, *(scale_for(a, b) for a, b in pairs)], np.float32)
    none = None if op.opset >= 13 else np.zeros(0, np.float32)
    return op.Resize(x, none, scales, mode=mode, coordinate_transformation_mode=where, **nearest)


def scale_for(old: int, new: int) -> np.float32:
    """The float nearest to new/old by which ONNX, which rounds sizes down, makes `new` of `old`.

    Sizes instead of scales would hold on to the batch.
    """
    scale: np.float32 = np.float32(new / old)
    while int(np.float32(old) * scale) < new or int(old * float(scale)) < new:
        scale = np.float32(np.nextafter(scale, np.float32(np.inf)))
    return scale


@lifts("Upsample")
def upsample(op: Ops, x: ir.Value, *, scale: int, dims_num: int, tops: Sequence[Shape], dialect: str) -> ir.Value:
    """Upsample by a whole number -> Resize: nearest as in brocolli and the YOLO ports, bilinear in MNN."""
    require(len(dims(x)) == 4 and dims_num == 4, "is for blobs of four axes")
    mode = "linear" if dialect == "mnn" else "nearest"
    return x if scale == 1 else resize(op, x, tops[0][2:], mode, "asymmetric")


@lifts("Interp")
def interp(
    op: Ops,
    x: ir.Value,
    *,
    height: int,
    width: int,
    zoom_factor: int,
    shrink_factor: int,
    pad_beg: int,
    pad_end: int,
    tops: Sequence[Shape],
    dialect: str,
) -> ir.Value:
    """Interp, bilinear with corners on corners as in DeepLab -> Resize; with half-pixel centres in ncnn."""
    require(dialect != "mnn" or zoom_factor == 1, "zooms, which MNN gets wrong")
    old = tuple(size + pad_beg + pad_end for size in dims(x)[2:])
    if pad_beg or pad_end:
        x = op.slice(x, [-pad_beg] * 2, [size - pad_beg for size in old], [2, 3])
    if old == tops[0][2:]:
        return x
    return resize(op, x, tops[0][2:], "linear", "half_pixel" if dialect == "ncnn" else "align_corners", old)


@lifts("BilinearInterpolate")
def bilinear(
    op: Ops,
    x: ir.Value,
    *,
    dst_h: int | None,
    dst_w: int | None,
    scale_factor: float,
    align_corners: bool,
    tops: Sequence[Shape],
) -> ir.Value:
    """brocolli's BilinearInterpolate -> Resize."""
    return resize(op, x, tops[0][2:], "linear", "align_corners" if align_corners else "half_pixel")
