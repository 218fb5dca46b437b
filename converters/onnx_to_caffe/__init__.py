"""ONNX -> Caffe, exact or refused."""

from converters.onnx_to_caffe.convert import Report, convert, convert_file

__all__ = ["Report", "convert", "convert_file"]
