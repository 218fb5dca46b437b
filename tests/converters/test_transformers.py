"""Transformers and text recognisers from both of torch's exporters: equal to onnxruntime in every engine here."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from converters.dialects import DIALECTS
from converters.onnx_to_caffe import convert_file
from tests import engines
from toolkit import runners
from toolkit.runners.base import Target

torch = pytest.importorskip("torch", reason="PyTorch makes the models", exc_type=ImportError)

from tests.converters import transformer_models as models  # noqa: E402 (needs torch)

NETS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "vit": (lambda: models.ViT(fused=False), (1, 3, 32, 32)),
    "vit_fused": (lambda: models.ViT(fused=True, approximate="tanh"), (1, 3, 32, 32)),
    "vit_batch": (lambda: models.ViT(fused=False), (2, 3, 32, 32)),
    "swin": (models.Swin, (1, 3, 32, 32)),
    "crnn_lstm": (lambda: models.CRNN(torch.nn.LSTM), (1, 1, 8, 40)),
    "crnn_gru": (lambda: models.CRNN(torch.nn.GRU), (2, 1, 8, 40)),
    "encoder": (models.Encoder, (2, 5, 16)),
    "convolution_attention": (models.ConvolutionAttention, (2, 8, 4, 3)),
    "linear_attention": (models.LinearAttention, (2, 7, 16)),
}
DYNAMO = ("vit_fused", "swin", "crnn_lstm", "encoder")  # the newer exporter takes ten times as long


def export(net: str, dynamo: bool, path: Path) -> None:
    """Write the seeded model as either of torch's exporters does."""
    make, shape = NETS[net]
    model = models.scaled(make())
    options: dict[str, Any] = {"verbose": False} if dynamo else {"opset_version": 17}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # both exporters warn about themselves
        torch.onnx.export(model, (torch.zeros(shape),), str(path), dynamo=dynamo, input_names=["x"], **options)


@pytest.mark.parametrize(
    ("net", "dynamo"),
    [*((net, False) for net in NETS), *((net, True) for net in DYNAMO)],
    ids=[*(f"{net}-legacy" for net in NETS), *(f"{net}-dynamo" for net in DYNAMO)],
)
def test_network(net: str, dynamo: bool, tmp_path: Path) -> None:
    """In `bvlc` and `portable`; an input of another picture moves the output by far more than the tolerance."""
    path = tmp_path / "net.onnx"
    export(net, dynamo, path)
    first, second = (np.random.default_rng(seed).normal(size=NETS[net][1]).astype(np.float32) for seed in (1, 2))
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        (name, want), *_ = oracle.run({"x": first}).items()
        other = oracle.run({"x": second})[name]
    scale = np.abs(want).max()
    assert np.abs(other - want).max() > 0.02 * scale
    ran = 0
    for dialect in ("bvlc", "portable"):
        report = convert_file(path, tmp_path / dialect, dialect=dialect)
        for engine in DIALECTS[dialect].engines:
            if not runners.available()[engine]:
                got = engines.run(engine, report, {"x": first})[name]
                assert np.abs(got - want).max() <= 1e-4 * scale, f"{dialect} in {engine}"
                ran += 1
    if not ran:
        pytest.skip("no Caffe engine here")
