"""What both directions need to read and build ONNX: small builders for protos and for onnx_ir, notes on nodes."""

from converters.onnx import light_ir  # before any other file imports onnx_ir

__all__ = ["light_ir"]
