"""Each layer with a grid of its parameters: onnxruntime on the import computes what real Caffe computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.caffe_to_onnx.rows import ROWS
from tests.caffe_to_onnx.running import assert_close, caffe, feeds, imported, write
from tests.runners.conftest import need

OPSETS = (11, 17, 24)


@pytest.mark.parametrize("name", sorted(ROWS))
def test_layer(name: str, tmp_path: Path) -> None:
    need("caffe")
    row = ROWS[name]
    prototxt, caffemodel = write(row, tmp_path)
    fed = feeds(row)
    want = caffe(prototxt, caffemodel, row.outputs, fed)
    for opset in OPSETS:
        assert_close(imported(prototxt, caffemodel, fed, outputs=row.outputs, opset=opset), want)
