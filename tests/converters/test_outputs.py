"""Outputs: each has a name of its own without a Split, and the last one is the last layer of the file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

from converters.caffe.messages import unread
from converters.dialects import DIALECTS
from converters.onnx_passes import load
from converters.onnx_to_caffe import convert_file
from converters.onnx_to_caffe.convert import convert
from tests import engines

HEAD = '<ir_version: 8, opset_import: ["": 18]> net (float[1,4,6,6] x) =>'
Y, Z = "float[1,4,6,6] y", "float[1,4,6,6] z"
NETS = {
    "one": f"{HEAD} ({Y}) {{ y = Relu(x) }}",
    "an input": f"{HEAD} ({Y}, float[1,4,6,6] x) {{ y = Relu(x) }}",
    "read": f"{HEAD} ({Y}, {Z}) {{ y = Relu(x) z = Sigmoid(y) }}",
    "read, named last": f"{HEAD} ({Z}, {Y}) {{ y = Relu(x) z = Sigmoid(y) }}",
    "a part": f"{HEAD} (float[1,2,6,6] b) {{ a, b = Split<axis=1, num_outputs=2>(x) }}",
    "made early": f"{HEAD} ({Z}, {Y}) {{ y = Relu(x) s = Sigmoid(x) z = Tanh(s) }}",
    "alike": f"{HEAD} ({Y}, {Z}) {{ y = Relu(x) z = Relu(x) }}",
    "read by its own node": f"{HEAD} ({Y}, float[1,1,1,1] i) {{ s = Constant<value_ints=[1, 4, 6, 6]>() "
    "w = ConstantOfShape<value=float[1] {1.5}>(s) y, m, i = LayerNormalization<axis=0>(x, w) }",
}


@pytest.fixture(params=NETS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def saved(name: str, folder: Path) -> Path:
    onnx.save(onnx.parser.parse_model(NETS[name]), folder / "net.onnx")
    return folder / "net.onnx"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_last_layer_makes_the_last_output(name: str, dialect: str, tmp_path: Path) -> None:
    net = convert(load(saved(name, tmp_path)), dialect=dialect).net
    assert "Split" not in [item.type for item in net.layers]
    assert net.layers[-1].tops == net.layers[-1].tops[:1]
    assert net.layers[-1].tops[0] == net.outputs[-1]
    assert unread(net.layers) == net.outputs, "what Caffe takes for the outputs"
    assert net.layers[-1].name == net.layers[-1].tops[0], "OpenCV knows outputs by layer"


def test_outputs_are_right_by_name_and_the_last_one_by_the_plain_call(name: str, tmp_path: Path) -> None:
    path = saved(name, tmp_path)
    report = convert_file(path, tmp_path / "net")
    x = np.random.default_rng(0).standard_normal((1, 4, 6, 6)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    want = dict(zip(names, session.run(None, {"x": x}), strict=True))
    for engine in ("opencv", "caffe"):
        got = engines.run(engine, report, {"x": x})
        assert got.keys() == want.keys(), "asked for none by name, the engine gives them all"
        for output in names:
            np.testing.assert_allclose(got[output], want[output], atol=1e-5)
    net = cv2.dnn.readNetFromCaffe(report.prototxt, report.caffemodel)
    net.setInput(x, "x")
    np.testing.assert_allclose(net.forward(), want[names[-1]], atol=1e-5)
