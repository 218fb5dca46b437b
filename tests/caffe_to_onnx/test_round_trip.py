"""ONNX -> Caffe -> ONNX for every row of tests/cases: the import computes what the original computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests.caffe_to_onnx.running import imported
from tests.cases import all_cases, build
from toolkit import runners
from toolkit.runners.base import Target

CASES = all_cases()


@pytest.mark.parametrize("name", sorted(CASES))
def test_there_and_back(name: str, tmp_path: Path) -> None:
    """In the dialect `bvlc`, which says most without layers of one engine alone; what it refuses can't come back."""
    case = CASES[name]
    model, feeds = build(case)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    try:
        report = convert_file(path, tmp_path / "net", dialect="bvlc")
    except ConversionError:
        assert "bvlc" not in case.dialects or case.refused
        return
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    fed = {blob: np.asarray(feeds[value], np.float32) for value, blob in report.inputs.items()}
    outputs = tuple(report.outputs.values())
    got = imported(Path(report.prototxt), Path(report.caffemodel), fed, outputs=outputs)
    for value, blob in report.outputs.items():
        assert got[blob].shape == want[value].shape
        error = np.abs(got[blob] - want[value]).max() / max(np.abs(want[value]).max(), 1e-12)
        assert error <= case.tolerance, f"{value} differs by {error:.2e}"
