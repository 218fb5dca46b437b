"""onnx_passes."""
