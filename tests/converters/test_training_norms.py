"""BatchNormalization in training mode, as torch's older exporter writes it: of weights it is folded, else refused."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from converters.errors import ConversionError
from converters.onnx_to_caffe import convert_file
from tests import engines

OPSETS = [9, 11, 13, 14]
X = np.random.default_rng(0).random((1, 3, 16, 16), np.float32)


class Standardised(nn.Conv2d):
    """A convolution whose weights are standardised in every pass, as NF-ResNet and BiT do."""

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.reshape(1, self.out_channels, -1)
        gain = torch.linspace(0.5, 1.5, self.out_channels)
        weight = nn.functional.batch_norm(rows, None, None, gain, training=True, momentum=0.0, eps=1e-6)
        return nn.functional.conv2d(x, weight.reshape_as(self.weight), self.bias, self.stride, self.padding)


def exported(module: nn.Module, path: Path, opset: int, **options: object) -> Path:
    names = {"input_names": ["x"], "output_names": ["y"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the old exporter: there is a newer one
        torch.onnx.export(module, (torch.from_numpy(X),), path, dynamo=False, opset_version=opset, **names, **options)
    return path


@pytest.mark.parametrize("opset", OPSETS)
def test_standardised_weights_are_weights(opset: int, tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(Standardised(3, 8, 3, padding=1), nn.ReLU(), Standardised(8, 4, 3, stride=2)).eval()
    path = exported(module, tmp_path / "net.onnx", opset)
    report = convert_file(path, tmp_path / "out")
    assert report.layers == {"Convolution": 2, "Input": 1, "ReLU": 1}
    with torch.no_grad():
        want = module(torch.from_numpy(X)).numpy()
    (reference,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": X})
    np.testing.assert_allclose(reference, want, atol=1e-4 * np.abs(want).max())
    for engine in ("opencv", "caffe"):
        got = engines.run(engine, report, {"x": X})["y"]
        np.testing.assert_allclose(got, want, atol=1e-4 * np.abs(want).max())


@pytest.mark.parametrize("opset", OPSETS)
def test_statistics_of_the_batch_are_refused(opset: int, tmp_path: Path) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).train()
    options = {"training": torch.onnx.TrainingMode.TRAINING, "do_constant_folding": False}
    path = exported(module, tmp_path / "net.onnx", opset, **options)
    with pytest.raises(ConversionError, match="training_mode=1: statistics of the batch"):
        convert_file(path, tmp_path / "out")


def test_statistics_that_are_read_are_refused(tmp_path: Path) -> None:
    text = """<ir_version: 7, opset_import: ["": 11]> net (float[1,3,4,4] x, float[3] s)
    => (float[1,3,4,4] y, float[3] m) { y, m, v, a, b = BatchNormalization(x, s, s, s, s) }"""
    onnx.save(onnx.parser.parse_model(text), tmp_path / "net.onnx")
    with pytest.raises(ConversionError, match="BatchNormalization 'y': training mode: it gives the statistics"):
        convert_file(tmp_path / "net.onnx", tmp_path / "out")
