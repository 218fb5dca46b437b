"""Style train: ShuffleNet V2 as the network that its authors trained in Caffe, layer for layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from converters.caffe import text
from converters.caffe.net import Layer, Net
from converters.dialects import find
from converters.onnx_to_caffe import convert_file
from tests import engines
from tests.cases import Case, build
from toolkit import runners
from toolkit.runners.base import Target

WIDTHS = {0.5: (48, 96, 192, 1024), 1.0: (116, 232, 464, 1024)}
FROZEN, PLAIN, DECAYED = ({"lr_mult": lr, "decay_mult": decay} for lr, decay in ((0, 0), (1, 0), (1, 1)))


class Expected:
    """The published network's layers, from its rule."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []

    def add(
        self, kind: str, name: str, bottoms: tuple[str, ...], tops: tuple[str, ...] | None = None, **params: Any
    ) -> str:
        self.layers.append(Layer(kind, name, bottoms, (name,) if tops is None else tops, params))
        return self.layers[-1].tops[0]

    def norm(self, name: str, blob: str) -> None:
        self.add("BatchNorm", f"{name}/bn", (blob,), (blob,), param=[FROZEN] * 3)
        fillers = {
            "filler": {"type": "constant", "value": 1},
            "bias_term": True,
            "bias_filler": {"type": "constant", "value": 0},
        }
        self.add("Scale", f"{name}/bn/scale", (blob,), (blob,), param=[PLAIN] * 2, scale_param=fillers)

    def conv(
        self,
        name: str,
        x: str,
        out: int,
        kernel: int = 1,
        stride: int = 1,
        group: int = 1,
        relu: bool = True,
        bias: bool = False,
    ) -> str:
        param = {
            "num_output": out,
            "bias_term": bias,
            "pad": [kernel // 2],
            "kernel_size": [kernel],
            "group": group,
            "stride": [stride],
            "weight_filler": {"type": "msra"},
            "dilation": [1],
        }
        self.add("Convolution", name, (x,), param=[DECAYED, PLAIN][: 1 + bias], convolution_param=param)
        if not bias:
            self.norm(name, name)
        if relu:
            self.add("ReLU", f"{name}/relu", (name,), (name,))
        return name

    def unit(self, name: str, x: str, before: int, after: int) -> str:
        half = after // 2
        if before != after:
            a = self.conv(f"{name}/conv4", x, before, 3, 2, before, relu=False)
            first = self.conv(f"{name}/conv5", a, half)
        else:
            first, x = f"{name}/slice1", self.halves(name, x, half)
        stride = 2 if before != after else 1
        b = self.conv(f"{name}/conv1", x, half)
        b = self.conv(f"{name}/conv2", b, half, 3, stride, half, relu=False)
        b = self.conv(f"{name}/conv3", b, half)
        joined = self.add("Concat", f"{name}/concat", (first, b), concat_param={"axis": 1})
        return self.add("ShuffleChannel", f"{name}/shuffle", (joined,), shuffle_channel_param={"group": 2})

    def halves(self, name: str, x: str, at: int) -> str:
        tops = (f"{name}/slice1", f"{name}/slice2")
        self.add("Slice", tops[0], (x,), tops, slice_param={"slice_point": [at], "axis": 1})
        return tops[1]


def published(width: float) -> list[Layer]:
    *stages, last = WIDTHS[width]
    net = Expected()
    net.add("Input", "data", (), input_param={"shape": [{"dim": [1, 3, 224, 224]}]})
    net.norm("data", "data")
    x = net.conv("stage1/conv", "data", 24, 3, 2)
    x = net.add("Pooling", "stage1/pool", (x,), pooling_param={"pool": "MAX", "kernel_size": 3, "stride": 2, "pad": 0})
    channels = 24
    for stage, (after, units) in enumerate(zip(stages, (4, 8, 4), strict=True), 2):
        for unit in range(1, units + 1):
            x = net.unit(f"stage_{stage}_{unit}", x, channels, after)
            channels = after
    x = net.conv("conv5", x, last)
    x = net.add("Pooling", "pool", (x,), pooling_param={"pool": "AVE", "kernel_size": 7, "stride": 1, "pad": 0})
    net.conv("fc", x, 1000, relu=False, bias=True)
    return net.layers


@pytest.mark.parametrize("width", WIDTHS)
def test_layers_of_the_published_network(width: float, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from toolkit.export import export, save
    from toolkit.models import create

    save(export(create(f"shufflenet_v2_x{width}"), keep_bn=True), tmp_path / "net.onnx")
    report = convert_file(tmp_path / "net.onnx", tmp_path / "net", dialect="shufflenet", style="train")
    found = text.to_message(text.read(tmp_path / "net.prototxt")).layer
    want = text.to_message(Net("", tuple(published(width)))).layer
    assert len(found) == len(want) == 256
    for ours, theirs in zip(found, want, strict=True):
        assert ours == theirs
    assert report.outputs == {"output": "fc"}
    assert report.views == {"output": (1, 1000)}, "Caffe's output is N x 1000 x 1 x 1"


@pytest.mark.parametrize(
    "dialect, engine", [(name, engine) for name in ("portable", "bvlc", "opencv") for engine in find(name).engines]
)
@pytest.mark.parametrize(
    "inputs, body",
    [
        ("float[1,2,6,7] x, float[4,2,3,3] w", "y = Conv<pads=[1,1,1,1]>(x, w)"),
        ("float[1,2,4,6,7] x, float[4,2,3,3,3] w", "y = Conv<pads=[1,1,1,1,1,1]>(x, w)"),
        ("float[1,2,4,6,7] x, float[4,2,3,3,3] w", "y = Conv<strides=[1,2,1]>(x, w)"),
        ("float[1,2,4,6,7] x, float[4,2,1,2,3] w, float[4] b", "y = Conv<dilations=[1,2,1]>(x, w, b)"),
    ],
)
def test_what_is_written_for_training_runs(inputs: str, body: str, dialect: str, engine: str, tmp_path: Path) -> None:
    """Fields that Caffe could leave out are written for a person; engines must read them as what is left out."""
    if missing := runners.available()[engine]:
        pytest.skip(missing)
    model, feeds = build(Case(inputs, body))
    onnx.save(model, tmp_path / "net.onnx")
    report = convert_file(tmp_path / "net.onnx", tmp_path / "net", dialect=dialect, style="train")
    with runners.load("onnxruntime", Target(str(tmp_path / "net.onnx"))) as oracle:
        want = oracle.run(feeds)["y"]
    got = engines.run(engine, report, feeds)["y"]
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-4 * np.abs(want).max()
