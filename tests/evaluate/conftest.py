from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.photos import coloured


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three classes, five images of 40x36 in each."""
    return coloured(tmp_path / "photos", 5, 36, 40)


def colours(path: Path, columns: tuple[int, ...] = (2, 1, 0), shape: tuple[object, ...] = (1, 3, 32, 32)) -> Path:
    """A network that answers with the mean of each colour: class n is the channel columns[n]."""
    weights = np.zeros((len(columns), 3), np.float32)
    weights[range(len(columns)), columns] = 1
    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w", "b"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (shape[0], len(columns)))],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(np.zeros(len(columns), np.float32), "b")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path
