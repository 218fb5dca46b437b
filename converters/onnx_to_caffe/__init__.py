"""ONNX -> Caffe, exact or refused."""

from converters.onnx_to_caffe.convert import convert, convert_file

__all__ = ["convert", "convert_file"]
