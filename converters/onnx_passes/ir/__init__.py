"""Passes on onnx_ir, on the folded model with its weights: for the shape of the network that lowerings read."""
