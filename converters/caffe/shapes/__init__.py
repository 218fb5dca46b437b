"""Caffe's output-shape rules by family: parameters and bottom shapes in, top shapes out.

The rules are Caffe's, not ONNX's, and refuse what Caffe would abort on.
"""

from __future__ import annotations

from converters.caffe.schema import MAX_COUNT
from converters.caffe.shapes.infer import MAX_AXES, RULES, infer, prove
from converters.caffe.shapes.rule import axis_of, resized
from converters.caffe.shapes.windows import pooled_size

__all__ = ["MAX_AXES", "MAX_COUNT", "RULES", "axis_of", "infer", "pooled_size", "prove", "resized"]
