"""ONNX -> canonical ONNX: one opset, static shapes, explicit constants, no shape arithmetic, float32 throughout."""

from converters.onnx import light_ir  # before any other file imports onnx_ir
from converters.onnx_passes.canonicalise import canonicalise
from converters.onnx_passes.source import Source, load

__all__ = ["Source", "canonicalise", "light_ir", "load"]
