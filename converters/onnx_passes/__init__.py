"""ONNX -> canonical ONNX: one opset, static shapes, explicit constants, no shape arithmetic, float32 throughout."""

from converters.onnx import light_ir  # before any other file imports onnx_ir
from converters.onnx.source import Source, load
from converters.onnx_passes.canonicalise import canonicalise

__all__ = ["Source", "canonicalise", "light_ir", "load"]
