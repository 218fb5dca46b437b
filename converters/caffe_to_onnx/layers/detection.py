"""SSD: the boxes that an image is searched with, and what is found in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Array
from converters.caffe.shapes.forks import ratios
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require

CLIPS = {"ssd": False, "ncnn": False, "mnn": False, "brocolli": True, "opencv": True}  # where the file does not say
LOWEST = float(np.finfo(np.float32).min)


@lifts("PriorBox")
def prior_box(
    op: Ops,
    x: ir.Value,
    image: ir.Value,
    *,
    min_size: Sequence[float],
    max_size: Sequence[float],
    aspect_ratio: Sequence[float],
    flip: bool,
    clip: bool,
    variance: Sequence[float],
    img_size: int | None,
    img_h: int | None,
    img_w: int | None,
    step: float | None,
    step_h: float | None,
    step_w: float | None,
    offset: float,
    blobs: Blobs,
    dialect: str,
) -> ir.Value:
    """PriorBox -> a constant: it depends on sizes alone."""
    (h, w), (image_h, image_w) = dims(x)[2:], dims(image)[2:]
    whole = img_size or img_h or image_h, img_size or img_w or image_w
    steps = step or step_h or whole[0] / h, step or step_w or whole[1] / w
    sizes = _sizes(min_size, max_size, ratios(aspect_ratio, flip))
    require(len(variance) in (0, 1, 4), f"has {len(variance)} variances; they are 1 or 4")
    centres = np.stack(np.meshgrid((np.arange(w) + offset) * steps[1], (np.arange(h) + offset) * steps[0]), -1)
    corners = centres[:, :, None, None, :] + np.array([-0.5, 0.5])[:, None] * sizes[:, None, :]
    boxes = (corners / np.array([whole[1], whole[0]])).reshape(-1, 4)
    if "clip" not in blobs.layer.params.get("prior_box_param", {}):
        outside = bool((boxes < 0).any() or (boxes > 1).any())
        hint = "write clip: true or clip: false into the file, or name the dialect"
        require(dialect in CLIPS or not outside, "does not say whether it clips boxes, and forks disagree", hint)
        clip = CLIPS.get(dialect, False)
    boxes = boxes.clip(0, 1) if clip else boxes
    spread = np.broadcast_to(np.asarray(variance or (0.1,), np.float32), boxes.shape)
    return op.constant(np.stack([boxes.ravel(), spread.ravel()])[None].astype(np.float32), "boxes")


def _sizes(smallest: Sequence[float], largest: Sequence[float], shapes: Sequence[float]) -> Array:
    """Width and height of each box at one place: the size, the mean with the larger one, then other shapes of it."""
    require(smallest, "has no min_size")
    require(len(largest) in (0, len(smallest)), f"has {len(largest)} max_size for {len(smallest)} min_size")
    found = []
    for at, size in enumerate(map(int, smallest)):  # Caffe cuts off what is behind the point
        found.append((size, size))
        if largest:
            found.append((np.sqrt(size * int(largest[at])),) * 2)
        found.extend((size * np.sqrt(one), size / np.sqrt(one)) for one in shapes if abs(one - 1) >= 1e-6)
    return np.array(found)


@lifts("DetectionOutput")
def detection_output(
    op: Ops,
    places: ir.Value,
    scores: ir.Value,
    priors: ir.Value,
    *,
    num_classes: int | None,
    share_location: bool,
    background_label_id: int,
    nms_param: Mapping[str, Any] | None,
    code_type: str,
    keep_top_k: int,
    variance_encoded_in_target: bool,
    confidence_threshold: float | None,
) -> ir.Value:
    """DetectionOutput -> boxes, NonMaxSuppression class by class, the best of all: rows (0, label, score, box)."""
    require(op.opset >= 12, "needs opset 12", "ask for a newer opset")
    require(
        dims(places)[0] == 1, f"is for a batch of {dims(places)[0]}; 1 alone is known", "give the inputs a batch of 1"
    )
    require(share_location, "has a box for each class")
    require(code_type in ("CORNER", "CENTER_SIZE"), f"has boxes of the kind {code_type}")
    nms = nms_param or {}
    require(nms.get("eta", 1) == 1, f"has a threshold that changes (eta {nms.get('eta')})")
    count, total = dims(priors)[2] // 4, num_classes or 0
    classes = [label for label in range(total) if label != background_label_id]
    boxes = _decoded(op, places, priors, code_type, variance_encoded_in_target)
    by_class = op.Transpose(op.reshape(scores, (1, count, total)), perm=[0, 2, 1])
    likely = op.Gather(by_class, op.ints(classes), axis=1)
    top_k = nms.get("top_k", -1)
    if 0 <= top_k < count:
        best, where = op.several("TopK", 2, likely, op.ints([top_k]), axis=2)
        none = op.constant(np.full((1, len(classes), count), LOWEST, np.float32), "none")
        likely = op.ScatterElements(none, where, best, axis=2)
    least = LOWEST if confidence_threshold is None else confidence_threshold
    chosen = op.NonMaxSuppression(
        op.unsqueeze(boxes, [0]), likely, op.ints([count]), _one(nms.get("nms_threshold", 0.3)), _one(least)
    )
    return _rows(op, boxes, likely, chosen, classes, count, keep_top_k)


def _one(number: float) -> Array:
    return np.asarray([number], np.float32)


def _decoded(op: Ops, places: ir.Value, priors: ir.Value, code_type: str, encoded: bool) -> ir.Value:
    """(P, 4): left, top, right and bottom of every box."""
    moves = op.reshape(places, (-1, 4))
    known = op.reshape(priors, (2, -1, 4))
    prior, variance = (op.squeeze(one, [0]) for one in op.split(known, 0, [1, 1]))
    moves = moves if encoded else op.Mul(moves, variance)
    if code_type == "CORNER":
        return op.Add(prior, moves)
    low, high = op.split(prior, 1, [2, 2])
    shift, growth = op.split(moves, 1, [2, 2])
    size = op.Sub(high, low)
    centre = op.Add(op.Mul(op.Add(low, high), 0.5), op.Mul(shift, size))
    half = op.Mul(op.Mul(op.Exp(growth), size), 0.5)
    return op.Concat(op.Sub(centre, half), op.Add(centre, half), axis=1)


def _rows(
    op: Ops, boxes: ir.Value, likely: ir.Value, chosen: ir.Value, classes: Sequence[int], count: int, most: int
) -> ir.Value:
    """(1, 1, K, 7) of the chosen (image, class, box); where nothing is found, one row that says so."""
    _, kind, box = op.split(chosen, 1, [1, 1, 1])
    flat = op.Add(op.Mul(kind, np.asarray(count, np.int64)), box)
    score = op.Gather(op.reshape(likely, (-1,)), flat)
    label = op.Gather(op.constant(np.asarray(classes, np.float32), "labels"), kind)
    rows = op.Concat(op.Mul(score, 0.0), label, score, op.Gather(boxes, op.squeeze(box, [1])), axis=1)
    found = op.slice(op.Shape(chosen), [0], [1], [0])
    if most >= 0:
        found = op.Min(found, op.ints([most]))
        _, best = op.several("TopK", 2, op.squeeze(score, [1]), found)
        in_order, _ = op.several("TopK", 2, best, found, largest=0)
        rows = op.Gather(rows, in_order, axis=0)
    nothing = op.constant(np.asarray([[0, *[-1] * 6]], np.float32), "nothing")
    either = op.Concat(rows, nothing, axis=0)
    told = op.Slice(either, op.ints([0]), op.Max(found, op.ints([1])), op.ints([0]))
    answer = op.unsqueeze(told, [0, 1])
    answer.shape = ir.Shape((1, 1, None, 7))
    return answer
