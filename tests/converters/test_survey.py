"""What the survey says of every dialect is what a conversion for it does."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from converters.dialects import NAMES
from converters.errors import ConversionError
from converters.onnx_passes import load
from converters.onnx_to_caffe import convert_file
from converters.onnx_to_caffe.survey import survey
from tests.cases import Case, build

NETWORKS = {
    "pooling that rounds down, a gate": Case(
        "float[1,4,10,8] x, float[4,4,3,3] w",
        "c = Conv<pads = [1,1,1,1]>(x, w); r = Relu(c); p = MaxPool<kernel_shape = [3,3], strides = [2,2]>(r); "
        "g = GlobalAveragePool(p); s = Sigmoid(g); y = Mul(p, s)",
    ),
    "slices, a transpose, rows": Case(
        "float[1,4,6,5] x, float[30,7] w",
        "a, b = Split<axis = 1, num_outputs = 2>(x); c = Concat<axis = 1>(b, a); t = Transpose<perm = [0,2,3,1]>(c); "
        "s = Constant<value = int64[2] {4, 30}>(); r = Reshape(t, s); y = MatMul(r, w)",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_survey_says_what_a_conversion_does(name: str, tmp_path: Path) -> None:
    model, _ = build(NETWORKS[name])
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    rows = {row.dialect: row for row in survey(load(path))}
    assert tuple(rows) == NAMES
    assert {row.converts for row in rows.values()} == {True, False}
    for dialect, row in rows.items():
        layers, reasons = converted(path, tmp_path / dialect, dialect)
        assert (row.layers, [found.reason for found in row.blockers]) == (layers, reasons), dialect


def converted(path: Path, prefix: Path, dialect: str) -> tuple[int, list[str]]:
    """How many layers a conversion writes, or why it writes none."""
    try:
        return sum(convert_file(path, prefix, dialect=dialect).layers.values()), []
    except ConversionError as error:
        return 0, [found.reason for found in error.problems]
