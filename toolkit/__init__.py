"""PyTorch to ONNX to Caffe, with proof: models, export, runners, parity, benchmarks and the command line."""

__version__ = "0.1.0"
