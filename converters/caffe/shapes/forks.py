"""Layers that are read alone: nothing that we write has them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from converters.caffe.net import Shape
from converters.caffe.shapes.rule import Rule, axis_of
from converters.caffe.shapes.windows import pooled_size, slid
from converters.caffe.values import Values, spatial
from converters.errors import require

TALLEST = 10  # levels of a pyramid: the last has 4^9 windows


def _im2col(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x = bottoms[0]
    require(len(x) >= 3, f"Im2col takes at least 3 axes, not {len(x)}")
    return [(x[0], x[1] * prod(spatial(values, "kernel_size", len(x) - 2)), *slid(values, x))]


def _pyramid(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    x, height = bottoms[0], values["pyramid_height"]
    require(1 <= height <= TALLEST, f"a pyramid of {height} levels")
    numbers = sum(prod(count) for _, _, count in levels(x, height))
    return [(*x[:2], 1, 1) if height == 1 else (x[0], x[1] * numbers)]


def levels(x: Shape, height: int) -> list[tuple[list[int], list[int], list[int]]]:
    """Kernel (which is the stride as well), pad and number of windows of each level of a pyramid."""
    found = []
    for level in range(height):
        bins = 2**level
        require(all(bins <= size for size in x[2:]), f"level {level} has more windows than the image has numbers")
        kernel = [-(-size // bins) for size in x[2:]]
        pads = [(k * bins - size + 1) // 2 for k, size in zip(kernel, x[2:], strict=True)]
        require(all(p < k for p, k in zip(pads, kernel, strict=True)), f"level {level} pads by whole windows")
        axes = zip(x[2:], kernel, kernel, pads, strict=True)
        found.append((kernel, pads, [pooled_size(*axis, floor=False, padded=any(pads)) for axis in axes]))
    return found


def _reindexed(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 2 and len(bottoms[1]) == 1, "BatchReindex takes a blob and a list of indices")
    return [(bottoms[1][0], *bottoms[0][1:])]


def _axpy(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 3 and bottoms[1] == bottoms[2], f"Axpy of {', '.join(map(str, bottoms))}")
    return [bottoms[1]]


def _unsqueezed(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    place = axis_of(values["dim"], len(bottoms[0]) + 1)
    return [(*bottoms[0][:place], 1, *bottoms[0][place:])]


def _rois(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 2 and prod(bottoms[1][1:]) == 5, "ROIPooling takes an image and boxes of 5 numbers")
    return [(bottoms[1][0], bottoms[0][1], values["pooled_h"], values["pooled_w"])]


def _reorg(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    (n, c, h, w), stride = bottoms[0], values["stride"]
    require(stride > 0 and h % stride == 0 and w % stride == 0, f"Reorg of {bottoms[0]} by {stride}")
    return [(n, c * stride * stride, h // stride, w // stride)]


def _priors(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    require(len(bottoms) == 2 and len(bottoms[0]) == len(bottoms[1]) == 4, "PriorBox takes two images")
    kinds = len(ratios(values["aspect_ratio"], values["flip"])) * len(values["min_size"]) + len(values["max_size"])
    return [(1, 2, prod(bottoms[0][2:]) * kinds * 4)]


def ratios(given: Sequence[float], flip: bool) -> list[float]:
    """The shapes of a PriorBox: 1, then those of the file that are new, each with its reverse."""
    found = [1.0]
    for ratio in given:
        require(ratio > 0, f"an aspect ratio of {ratio:g}")
        if all(abs(ratio - one) >= 1e-6 for one in found):
            found += [ratio, 1 / ratio] if flip else [ratio]
    return found


def _detections(values: Values, bottoms: Sequence[Shape], tops: int) -> Sequence[Shape]:
    """As many rows as are found; one before the net has run."""
    require(len(bottoms) == 3 and len(bottoms[2]) == 3, "DetectionOutput takes places, scores and boxes")
    boxes = bottoms[2][2] // 4
    require(prod(bottoms[0][1:]) == boxes * 4, f"{prod(bottoms[0][1:])} places for {boxes} boxes")
    require(prod(bottoms[1][1:]) == boxes * values["num_classes"], f"{prod(bottoms[1][1:])} scores for {boxes} boxes")
    return [(1, 1, 1, 7)]


RULES: dict[str, Rule] = {
    "Axpy": _axpy,
    "BatchReindex": _reindexed,
    "DetectionOutput": _detections,
    "Im2col": _im2col,
    "PriorBox": _priors,
    "ROIPooling": _rois,
    "Reorg": _reorg,
    "SPP": _pyramid,
    "Unsqueeze": _unsqueezed,
}
