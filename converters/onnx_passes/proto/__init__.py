"""Passes on the protobuf as it was read: what onnx and onnxruntime need to see, or hide."""
