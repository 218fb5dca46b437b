"""An import whose outputs prove nothing as a whole is proven in steps, or refuted there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.caffe_to_onnx import convert_file
from tests.caffe_to_onnx.networks import layer
from tests.runners.conftest import need
from toolkit import runners
from toolkit.parity.report import Verdict
from toolkit.verify_import import verify_import

SCALE = 2.0**-14
NET = (
    'input: "x" input_shape { dim: 2 dim: 8 }'
    + layer("TanH", "bent", "x")
    + layer("Power", "still", "bent", "", f"power_param {{ scale: {SCALE} shift: 1 }}")
)


def slope(model: onnx.ModelProto) -> None:
    """Half as much again of what the output hardly shows."""
    (scale,) = (one for one in model.graph.initializer if onnx.numpy_helper.to_array(one).ravel()[0] == SCALE)
    changed = onnx.numpy_helper.to_array(scale) * np.float32(1.5)
    scale.CopyFrom(onnx.numpy_helper.from_array(changed, scale.name))


def function(model: onnx.ModelProto) -> None:
    """Another function, of much the same form."""
    (node,) = (one for one in model.graph.node if one.op_type == "Tanh")
    node.op_type = "Softsign"


FAULTS: dict[str, tuple[Callable[[onnx.ModelProto], None] | None, Verdict]] = {
    "none": (None, Verdict.IN_STEPS),
    "within the tolerance of a layer": (slope, Verdict.INSENSITIVE),
    "in a layer that the whole hides": (function, Verdict.FAILED),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_output_that_hardly_moves(name: str, tmp_path: Path) -> None:
    need("caffe")
    fault, verdict = FAULTS[name]
    prototxt, path = tmp_path / "net.prototxt", tmp_path / "net.onnx"
    prototxt.write_text(NET)
    done = convert_file(prototxt, None, path)
    model = onnx.load(path)
    if fault:
        fault(model)
        onnx.save(model, path)
    judged = verify_import(done, path, prototxt, None, ["caffe"], runners.load)
    assert judged.report is not None
    assert judged.report.verdict is verdict, judged.report.rows
