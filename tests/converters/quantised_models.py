"""Small networks, quantised by onnxruntime in each of its forms."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

SHAPE = (1, 3, 12, 12)


def floats() -> onnx.ModelProto:
    """Convolutions with ReLU, ReLU6, LeakyReLU and without; Add, Mul, Concat, both poolings, Sigmoid, Gemm, Softmax."""
    rng = np.random.default_rng(3)
    shapes = {"w1": (8, 3, 3, 3), "b1": (8,), "w2": (8, 8, 3, 3), "b2": (8,), "w3": (8, 8, 1, 1), "b3": (8,)}
    shapes |= {"w4": (8, 1, 3, 3), "b4": (8,), "w5": (24, 10), "b5": (10,)}
    weights = {name: rng.normal(size=shape).astype(np.float32) / 2 for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1]),
        helper.make_node("Clip", ["c2", "low", "high"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3", "b3"], ["c3"]),
        helper.make_node("Add", ["r1", "c3"], ["s"]),
        helper.make_node("LeakyRelu", ["s"], ["l"], alpha=0.1),
        helper.make_node("Conv", ["l", "w4", "b4"], ["c4"], pads=[1, 1, 1, 1], group=8),
        helper.make_node("Sigmoid", ["c4"], ["g"]),
        helper.make_node("Mul", ["l", "g"], ["m"]),
        helper.make_node("MaxPool", ["m"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("AveragePool", ["m"], ["p2"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("MaxPool", ["r2"], ["p3"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Concat", ["p1", "p2", "p3"], ["k"], axis=1),
        helper.make_node("GlobalAveragePool", ["k"], ["a"]),
        helper.make_node("Flatten", ["a"], ["f"]),
        helper.make_node("Gemm", ["f", "w5", "b5"], ["z"]),
        helper.make_node("Softmax", ["z"], ["y"]),
    ]
    constants: dict[str, Any] = {**weights, "low": np.float32(0), "high": np.float32(6)}
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self) -> None:
        self.left = iter(
            [{"x": np.random.default_rng(seed).uniform(-3, 3, SHAPE).astype(np.float32)} for seed in range(8)]
        )

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self.left, None)


@contextmanager
def _quiet() -> Iterator[None]:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _static(form: QuantFormat, per_channel: bool, kind: QuantType, weights: QuantType, **extra: Any) -> Any:
    def write(path: Path) -> Path:
        source = path.with_name("floats.onnx")
        onnx.save(floats(), source)
        with _quiet():
            quantize_static(
                *(str(source), str(path), _Images()),
                quant_format=form,
                per_channel=per_channel,
                activation_type=kind,
                weight_type=weights,
                extra_options=extra,
            )
        return path

    return write


def _dynamic(path: Path) -> Path:
    source = path.with_name("floats.onnx")
    onnx.save(floats(), source)
    with _quiet():
        quantize_dynamic(str(source), str(path), weight_type=QuantType.QUInt8)
    return path


INT8, UINT8 = QuantType.QInt8, QuantType.QUInt8
FORMS = {
    "qdq": _static(QuantFormat.QDQ, False, UINT8, INT8),
    "qdq_uint8": _static(QuantFormat.QDQ, False, UINT8, UINT8),
    "qdq_channels": _static(QuantFormat.QDQ, True, INT8, INT8),
    "qdq_symmetric": _static(QuantFormat.QDQ, True, INT8, INT8, ActivationSymmetric=True, WeightSymmetric=True),
    "qdq_16": _static(QuantFormat.QDQ, False, QuantType.QUInt16, INT8),
    "qoperator": _static(QuantFormat.QOperator, False, UINT8, UINT8),
    "qoperator_channels": _static(QuantFormat.QOperator, True, UINT8, INT8),
    "dynamic": _dynamic,
}
