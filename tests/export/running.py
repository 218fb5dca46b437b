"""Run a module in torch and its export in onnxruntime, and compare every output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
import torch
from torch import nn

TOLERANCE = 1e-5


def in_onnxruntime(model: ir.Model, feeds: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        ir.to_proto(model).SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, dict(feeds)), strict=True))


def in_torch(net: nn.Module, inputs: Sequence[torch.Tensor]) -> list[np.ndarray]:
    with torch.inference_mode():
        found = net(*inputs)
    tensors = list(found.values()) if isinstance(found, dict) else [found] if isinstance(found, torch.Tensor) else found
    return [tensor.numpy() for tensor in tensors]


def assert_same(model: ir.Model, net: nn.Module, shapes: Sequence[Sequence[int]], seed: int = 1) -> None:
    """Every output of the export within 1e-5 of torch's largest value, and the output follows the input."""
    generator = torch.Generator().manual_seed(seed)
    inputs = [torch.rand(*shape, generator=generator) for shape in shapes]
    names = [str(value.name) for value in model.graph.inputs]
    got = in_onnxruntime(model, dict(zip(names, [tensor.numpy() for tensor in inputs], strict=True)))
    want = in_torch(net, inputs)
    moved = in_torch(net, [1 - tensor for tensor in inputs])
    for (name, mine), theirs, other in zip(got.items(), want, moved, strict=True):
        scale = np.abs(theirs).max()
        assert mine.shape == theirs.shape, name
        assert np.abs(mine - theirs).max() <= TOLERANCE * scale, name
        assert np.abs(other - theirs).max() > 1e-3 * scale, f"{name} does not follow the input"
