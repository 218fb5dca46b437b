"""Shuffles are eliminated exactly: in random permutation networks, and in the published ones to the layer count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from converters.mapping import ConversionMap
from converters.onnx_to_caffe import convert_file
from tests import engines
from toolkit import runners
from toolkit.runners.base import Target

ENGINE = next((name for name in ("opencv", "caffe") if not runners.available()[name]), "")
SIZE = 3


class Graph:
    """A small ONNX graph under construction; every value is (1, C, 3, 3)."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = {"x": 12}

    def value(self, channels: int) -> str:
        name = f"v{len(self.channels)}"
        self.channels[name] = channels
        return name

    def constant(self, array: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def add(self, op: str, inputs: list[str], channels: int, **attributes: object) -> str:
        out = self.value(channels)
        self.nodes.append(helper.make_node(op, inputs, [out], **attributes))
        return out

    def conv(self, x: str, out: int, group: int = 1, kernel: int = 1) -> str:
        width = self.channels[x] // group
        w = self.rng.normal(size=(out, width, kernel, kernel)) / np.sqrt(width * kernel**2)
        b = self.constant(self.rng.normal(size=out).astype(np.float32))
        pads = [kernel // 2] * 4
        return self.add("Conv", [x, self.constant(w.astype(np.float32)), b], out, group=group, pads=pads)

    def shuffle(self, x: str, group: int) -> str:
        c = self.channels[x]
        split = self.add("Reshape", [x, self.ints(1, group, c // group, SIZE, SIZE)], c)
        swapped = self.add("Transpose", [split], c, perm=[0, 2, 1, 3, 4])
        return self.add("Reshape", [swapped, self.ints(1, c, SIZE, SIZE)], c)

    def ints(self, *values: int) -> str:
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def halves(self, x: str, at: int) -> tuple[str, str]:
        c = self.channels[x]
        a, b = self.value(at), self.value(c - at)
        self.nodes.append(helper.make_node("Split", [x, self.ints(at, c - at)], [a, b], axis=1))
        return a, b

    def model(self, outputs: list[str]) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "permutations",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 12, SIZE, SIZE))],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


STEPS = ("conv", "grouped", "depthwise", "shuffle", "split", "concat", "prelu", "norm", "relu", "add", "pool")


def grow(graph: Graph, steps: list[tuple[str, int]]) -> list[str]:
    """Apply random steps to the values that nobody has read yet; returns the values left over."""
    live = ["x"]
    for step, pick in steps:
        x = live.pop(pick % len(live))
        c = graph.channels[x]
        if step == "conv":
            live.append(graph.conv(x, (6, 12, 9)[pick % 3]))
        elif step == "grouped" and c % 3 == 0:
            live.append(graph.conv(x, 12, group=3))
        elif step == "depthwise":
            live.append(graph.conv(x, c, group=c, kernel=3))
        elif step == "shuffle":
            divisors = [g for g in (2, 3, 4) if c % g == 0 and g < c]
            live.append(graph.shuffle(x, divisors[pick % len(divisors)]) if divisors else x)
        elif step == "split" and c > 1:
            live.extend(graph.halves(x, 1 + pick % (c - 1)))
        elif step == "concat" and live:
            y = live.pop(pick % len(live))
            live.append(graph.add("Concat", [x, y], c + graph.channels[y], axis=1))
        elif step == "prelu":
            slope = graph.constant(graph.rng.uniform(0.1, 0.5, (c, 1, 1)).astype(np.float32))
            live.append(graph.add("PRelu", [x, slope], c))
        elif step == "norm":
            stats = [graph.constant(graph.rng.uniform(0.5, 1.5, c).astype(np.float32)) for _ in range(4)]
            live.append(graph.add("BatchNormalization", [x, *stats], c))
        elif step == "relu":
            live.append(graph.add("Relu", [x], c))
        elif step == "add":
            live.extend(
                [graph.add("Add", [x, graph.conv(x, c)], c), x]
                if pick % 2
                else [graph.add("Add", [x, graph.conv(x, c)], c)]
            )
        elif step == "pool":
            live.append(graph.add("MaxPool", [x], c, kernel_shape=[3, 3], pads=[1, 1, 1, 1]))
        else:
            live.append(x)
    return [name for name in dict.fromkeys(live) if name != "x"]


def agrees(model: onnx.ModelProto, folder: Path, **options: bool) -> ConversionMap:
    path = folder / "net.onnx"
    onnx.save(model, path)
    report = convert_file(path, folder / "net", **options)
    feeds = {"x": np.random.default_rng(0).normal(size=(1, 12, SIZE, SIZE)).astype(np.float32)}
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feeds)
    got = engines.run(ENGINE, report, feeds)
    for name, reference in want.items():
        error = np.abs(got[name] - reference).max() / max(np.abs(reference).max(), 1e-3)
        assert error < 1e-5, f"{name} differs by {error:.1e}"
    return report


@pytest.mark.skipif(not ENGINE, reason="no Caffe engine is installed")
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 2**16),
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 11)), min_size=4, max_size=24),
)
def test_random_permutation_networks(
    tmp_path_factory: pytest.TempPathFactory, seed: int, steps: list[tuple[str, int]]
) -> None:
    graph = Graph(seed)
    outputs = grow(graph, steps)
    if outputs:
        agrees(graph.model(outputs), tmp_path_factory.mktemp("net"))


@pytest.mark.skipif(not ENGINE, reason="no Caffe engine is installed")
@pytest.mark.parametrize("group", [2, 3, 4])
def test_a_shuffle_between_convolutions_vanishes(tmp_path: Path, group: int) -> None:
    graph = Graph(group)
    y = graph.conv(graph.shuffle(graph.add("Relu", [graph.conv("x", 12)], 12), group), 6)
    report = agrees(graph.model([y]), tmp_path)
    assert set(report.layers) == {"Input", "Convolution", "ReLU"}


@pytest.mark.skipif(not ENGINE, reason="no Caffe engine is installed")
def test_an_output_keeps_its_order(tmp_path: Path) -> None:
    graph = Graph(1)
    y = graph.shuffle(graph.conv("x", 12), 3)
    report = agrees(graph.model([y]), tmp_path)
    assert report.channel_orders == {} or y not in report.channel_orders


@pytest.mark.skipif(not ENGINE, reason="no Caffe engine is installed")
def test_keep_shuffle_keeps_it(tmp_path: Path) -> None:
    graph = Graph(2)
    y = graph.conv(graph.shuffle(graph.conv("x", 12), 3), 6)
    model = graph.model([y])
    assert "Reshape" not in agrees(model, tmp_path).layers
    kept = agrees(model, tmp_path, keep_shuffle=True).layers
    assert kept["Reshape"] >= 2, "an exact form without ShuffleChannel"
    assert "ShuffleChannel" not in kept
