"""onnx_to_caffe."""
