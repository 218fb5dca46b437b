"""Converters between ONNX and Caffe that need neither torch nor a compiled Caffe."""
