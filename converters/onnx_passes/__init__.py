"""ONNX -> canonical ONNX: one opset, static shapes, explicit constants, no shape arithmetic, float32 throughout."""

from converters.onnx_passes.canonicalise import canonicalise
from converters.onnx_passes.source import Source, load

__all__ = ["Source", "canonicalise", "load"]
