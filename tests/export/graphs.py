"""Graphs from ONNX's text form, for tests of single rewrites."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
import onnx_ir as ir

from tests.export.running import in_onnxruntime


def graph(text: str, opset: int = 18, **constants: np.ndarray) -> ir.Model:
    """`text` is the body with its signature; `constants` become initialisers."""
    proto = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}]>\n{text}')
    for name, values in constants.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(values, name))
    return ir.from_proto(onnx.shape_inference.infer_shapes(proto, data_prop=True))


def kinds(model: ir.Model) -> list[str]:
    return [node.op_type for node in model.graph]


def run(model: ir.Model, seed: int = 0) -> dict[str, np.ndarray]:
    """The outputs for random inputs; an open dimension is 2."""
    random = np.random.default_rng(seed)
    feeds: Mapping[str, np.ndarray] = {
        str(value.name): random.normal(0, 1, [dim if isinstance(dim, int) else 2 for dim in value.shape or ()]).astype(
            np.float32
        )
        for value in model.graph.inputs
    }
    return in_onnxruntime(model, feeds)


def assert_unchanged(before: Mapping[str, np.ndarray], after: Mapping[str, np.ndarray]) -> None:
    """By position: a rewrite may lose an output's name, which the export gives again at its end."""
    for theirs, mine in zip(before.values(), after.values(), strict=True):
        assert mine.shape == theirs.shape
        assert np.abs(mine - theirs).max() <= 1e-6 * np.abs(theirs).max()
