"""Operators of ONNX without a Caffe form, and why: a part of docs/support.md, which accounts for every operator."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import onnx.defs


class Group(NamedTuple):
    """Operators with one reason and one way out."""

    ops: str
    reason: str
    remedy: str


CUT = "Cut the network before it with `--output` and do the rest on the CPU; `toolkit inspect` shows the command."
GROUPS = (
    Group("NonMaxSuppression", "How many boxes are left depends on the image; the size of a Caffe blob does not.", CUT),
    Group("TopK", "No Caffe layer sorts and gives values and places.", CUT),
    Group(
        "If Loop SequenceMap",
        "Which nodes run, or how often, depends on the data; a Caffe network always runs all its layers once.",
        "Export with fixed shapes, so that the exporter decides once; else cut the network before it.",
    ),
    Group(
        "Scan",
        "As Loop. One over a fixed number of steps is written out, and converts if its body does.",
        "Give the sequence a fixed length with `--input-shape`.",
    ),
    Group(
        "QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul ConvInteger MatMulInteger",
        "The network computes with 8-bit integers; Caffe's blobs are float32. Weights stored in 8 bits do convert.",
        "`--drop-quantisation` converts the float network inside it, and writes the ranges of its blobs for the chip's "
        "own tool.",
    ),
    Group("Compress Unique", "The size of the result depends on the data.", CUT),
    Group(
        "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike",
        "Random numbers can't be compared with the model's.",
        "Export in eval mode; else make the numbers an input.",
    ),
    Group(
        "RoiAlign MaxRoiPool MaxUnpool",
        "Which pixels are read depends on the data (boxes, or places of maxima).",
        CUT,
    ),
    Group(
        "SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SplitToSequence "
        "ConcatFromSequence Optional OptionalGetElement OptionalHasElement",
        "A blob is one array, not a list of arrays.",
        "Export with tensors as outputs, one for each element.",
    ),
    Group(
        "StringConcat StringNormalizer StringSplit RegexFullMatch TfIdfVectorizer ImageDecoder",
        "A blob holds numbers, not text or files.",
        "Do it before the network.",
    ),
    Group(
        "BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor IsInf IsNaN",
        "It is about the bits of a number, or about numbers that are not finite.",
        CUT,
    ),
    Group(
        "CumProd CumSum Det OneHot STFT TensorScatter CausalConvWithState LinearAttention",
        "No exact form is known here.",
        CUT,
    ),
)
# No lowering, but ONNX itself writes them out, or they are folded.
MADE_OF_OTHERS = (
    "BlackmanWindow CastLike CenterCropPad Constant ConstantOfShape EyeLike GroupNormalization HammingWindow "
    "HannWindow MelWeightMatrix Mod NegativeLogLikelihoodLoss NonZero Range RotaryEmbedding Shape Size "
    "SoftmaxCrossEntropyLoss SwiGLU Swish"
)


def page(lowered: Collection[str]) -> str:
    """The section of the page; AssertionError where an operator of ONNX is in no group and has no lowering either."""
    every = {schema.name for schema in onnx.defs.get_all_schemas() if not schema.domain and not schema.deprecated}
    told, others = {op for group in GROUPS for op in group.ops.split()}, set(MADE_OF_OTHERS.split())
    lost = every - told - others - set(lowered)
    assert not lost, f"scripts/unsupported.py says nothing of {lost}"
    lines = ["| operators | why | what to do |", "|---|---|---|"]
    for group in GROUPS:
        if ops := [op for op in group.ops.split() if op not in lowered]:
            lines.append(f"| {', '.join(ops)} | {group.reason} | {group.remedy} |")
    how = "These convert where they work on shapes and constants, or where the operators that they are made of convert"
    return "\n".join([*lines, "", f"{how}: {', '.join(sorted(others - set(lowered)))}."])
