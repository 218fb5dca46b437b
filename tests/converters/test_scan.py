"""Scan is unrolled: axes, directions, states, constants of the body, values from outside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.conformance.judge import difference
from toolkit import runners
from toolkit.runners.base import Target

# Two sequences, one of them along axis 1; a value from outside (s); a state; outputs stacked along any axis.
MODEL = """
<ir_version: 10, opset_import: ["" : 21]>
net (float[4,3] x, float[3,4] z, float[3] s) => (float[3] last, float{shape} rows) {{
    two = Mul(s, s)
    last, rows = Scan<num_scan_inputs = 2, scan_input_axes = [0, 1], scan_input_directions = {inputs},
                      scan_output_axes = [{axis}], scan_output_directions = [{output}],
                      body = step (float[3] before, float[3] a, float[3] b) => (float[3] after, float[3] row) {{
        half = Constant<value = float {{0.5}}>()
        damped = Mul(before, half)
        sum = Add(damped, a)
        after = Sub(sum, two)
        row = Mul(after, b)
    }}>(s, x, z)
}}
"""


def save(folder: Path, inputs: str = "[0, 1]", output: int = 0, axis: int = 0, text: str = MODEL) -> Path:
    shape = "[3,4]" if axis in (1, -1) else "[4,3]"
    model = onnx.parser.parse_model(text.format(inputs=inputs, output=output, axis=axis, shape=shape))
    onnx.save(model, folder / "model.onnx")
    return folder / "model.onnx"


@pytest.mark.parametrize("inputs", ["[0, 0]", "[0, 1]", "[1, 0]"])
@pytest.mark.parametrize(("output", "axis"), [(0, 0), (1, 0), (0, 1), (1, -1)])
def test_unrolled(inputs: str, output: int, axis: int, tmp_path: Path) -> None:
    path = save(tmp_path, inputs, output, axis)
    report = convert_file(path, tmp_path / "net")
    rng = np.random.default_rng(3)
    feeds = {n: rng.uniform(-2, 2, s).astype(np.float32) for n, s in (("x", (4, 3)), ("z", (3, 4)), ("s", (3,)))}
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    present = [engine for engine in ("opencv", "caffe") if not runners.available()[engine]]
    for engine in present:
        got = engines.run(engine, report, feeds)
        for name, expected in want.items():
            assert difference(expected, got[name].reshape(expected.shape)) == ""
    if not present:
        pytest.skip(runners.available()["opencv"])


def test_too_many_steps_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, text=MODEL.replace("[4,3]", "[5000,3]").replace("[3,4]", "[3,5000]"))
    with pytest.raises(ConversionError, match="Scan"):
        convert_file(path, tmp_path / "net")
