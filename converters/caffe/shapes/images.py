"""Layers that make an image larger or smaller, by the forks that have them."""

from __future__ import annotations

from collections.abc import Sequence

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, axis_of
from converters.caffe.values import Values
from converters.errors import require


def _crop(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 2 and len({len(shape) for shape in bottoms}) == 1, "Crop takes two blobs of as many axes")
    x, like = bottoms
    axis = axis_of(values["axis"], len(x))
    offsets = list(values["offset"]) or [0]
    offsets = offsets * (len(x) - axis) if len(offsets) == 1 else offsets
    for size, want, offset in zip(x[axis:], like[axis:], offsets, strict=True):
        require(offset + want <= size, f"Crop of {want} at {offset} from {size}")
    return [(*x[:axis], *like[axis:])]


def _pad(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    up, down, left, right = (values[f"pad_{side}"] for side in "udlr")
    return [(*bottoms[0][:-2], bottoms[0][-2] + up + down, bottoms[0][-1] + left + right)]


def _upsample(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 1, "undoes a pooling by its mask, which has no exact ONNX form")
    return [(*bottoms[0][:2], *(size * values["scale"] for size in bottoms[0][2:]))]


def _resize(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """OpenCV's, by a whole factor."""
    return [(*bottoms[0][:2], *(size * values["zoom_factor"] for size in bottoms[0][2:]))]


def _bilinear(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """brocolli's: a size, or a factor."""
    if "dst_h" in values or "dst_w" in values:
        return [(*bottoms[0][:2], values["dst_h"], values["dst_w"])]
    return [(*bottoms[0][:2], *(int(size * values["scale_factor"]) for size in bottoms[0][2:]))]


def _interp(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """DeepLab's: a size, or shrink and zoom of the image less its (negative) pads. PSPNet's: another's size."""
    x, zoom, shrink = bottoms[0], values["zoom_factor"], values["shrink_factor"]
    require(values["pad_beg"] <= 0 and values["pad_end"] <= 0, "Interp crops by its pads: they are not above 0")
    require(zoom >= 1 and shrink >= 1, f"Interp with a zoom of {zoom} and a shrink of {shrink}")
    if len(bottoms) == 2:
        return [(*x[:2], *bottoms[1][2:])]
    if "height" in values or "width" in values:
        return [(*x[:2], values["height"], values["width"])]
    small = [(size + values["pad_beg"] + values["pad_end"] - 1) // shrink + 1 for size in x[2:]]
    return [(*x[:2], *(size + (size - 1) * (zoom - 1) for size in small))]


def _pixel_shuffle(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    (n, c, h, w), r = bottoms[0], values["upscale_factor"]
    require(r > 0 and c % (r * r) == 0, f"PixelShuffle of {c} channels by {r}")
    return [(n, c // (r * r), h * r, w * r)]


RULES: dict[str, Rule] = {
    "BilinearInterpolate": _bilinear,
    "Crop": _crop,
    "Interp": _interp,
    "Pad": _pad,
    "PixelShuffle": _pixel_shuffle,
    "Resize": _resize,
    "Upsample": _upsample,
}
