"""Caffe -> ONNX: a prototxt and a caffemodel as one ONNX file, exact or refused."""

from converters.caffe_to_onnx.convert import Imported, Report, convert, convert_file

__all__ = ["Imported", "Report", "convert", "convert_file"]
