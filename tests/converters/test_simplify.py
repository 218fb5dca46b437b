"""What onnxruntime's folding must leave alone."""

from __future__ import annotations

import onnx
import onnx.parser

from converters.onnx_passes.ort import simplify


def test_a_pad_stays_apart_from_what_reads_it() -> None:
    """In onnxruntime 1.30 a MaxPool takes a Pad by zeros for its own, by minus infinity; newer ones take a Conv's."""
    text = """<ir_version: 10, opset_import: ["" : 18]>
    net (float[1,3,8,8] x, float[3,3,1,1] w) => (float[] y, float[] z) {
        p = Constant<value = int64[8] {0,0,1,1,0,0,1,1}>()
        a = Pad(x, p)
        y = MaxPool<kernel_shape = [3,3]>(a)
        b = Pad(y, p)
        z = Conv(b, w)
    }"""
    made = simplify(onnx.parser.parse_model(text))
    assert [node.op_type for node in made.graph.node] == ["Pad", "MaxPool", "Pad", "Conv"]
