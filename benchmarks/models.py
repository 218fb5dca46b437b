"""The networks that conversion is measured on, as ONNX files of seeded random weights: nothing is downloaded.

python -m benchmarks.models FOLDER        write mobilenet_v2.onnx, resnet50.onnx, vgg11.onnx and vgg11_external.onnx

The graphs are what PyTorch exports of torchvision's models of these names: BatchNorm is in the convolutions already.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CLASSES = 1000


class Graph:
    """Nodes and weights in the making; every method adds a node and returns the name of its value."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.channels = {"data": 3}
        self.random = np.random.default_rng(20)

    def weight(self, *shape: int, fan_in: int = 1) -> str:
        """A weight by He's rule, so that the values neither grow nor vanish from layer to layer."""
        name = f"w{len(self.weights)}"
        array = self.random.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan_in))
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, channels: int = 0, **attributes: object) -> str:
        """Any node of one output."""
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, **attributes))
        self.channels[name] = channels or self.channels[inputs[0]]
        return name

    def conv(self, x: str, outputs: int, kernel: int, stride: int = 1, group: int = 1) -> str:
        """A convolution with a bias that keeps the size, or halves it with stride 2."""
        inputs = self.channels[x] // group
        weight = self.weight(outputs, inputs, kernel, kernel, fan_in=inputs * kernel * kernel)
        bias = self.weight(outputs, fan_in=100)
        window = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [kernel // 2] * 4, "group": group}
        return self.node("Conv", x, weight, bias, channels=outputs, **window)

    def relu6(self, x: str) -> str:
        """A Clip whose bounds are constants, as opset 13 has it."""
        bounds = []
        for value in (0.0, 6.0):
            bounds.append(f"bound{len(self.nodes)}")
            constant = numpy_helper.from_array(np.float32(value), "")
            self.nodes.append(helper.make_node("Constant", [], [bounds[-1]], bounds[-1], value=constant))
        return self.node("Clip", x, *bounds)

    def linear(self, x: str, inputs: int, outputs: int) -> str:
        """A matrix product with a bias."""
        weight, bias = self.weight(outputs, inputs, fan_in=inputs), self.weight(outputs, fan_in=100)
        return self.node("Gemm", x, weight, bias, channels=outputs, transB=1)

    def model(self, output: str) -> onnx.ModelProto:
        """The model that ends in the given value."""
        shapes = [("data", [1, 3, 224, 224]), (output, [1, CLASSES])]
        first, last = (helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in shapes)
        graph = helper.make_graph(self.nodes, self.name, [first], [last], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def mobilenet_v2() -> onnx.ModelProto:
    """MobileNet V2 at width 1: 3.5 million parameters, 14 MB."""
    graph = Graph("mobilenet_v2")
    x = graph.relu6(graph.conv("data", 32, 3, 2))
    for widen, channels, count, stride in (
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ):
        for unit in range(count):
            step, inside = stride if unit == 0 else 1, graph.channels[x] * widen
            y = graph.relu6(graph.conv(x, inside, 1)) if widen > 1 else x
            y = graph.conv(graph.relu6(graph.conv(y, inside, 3, step, inside)), channels, 1)
            x = graph.node("Add", x, y) if step == 1 and graph.channels[x] == channels else y
    x = graph.node("GlobalAveragePool", graph.relu6(graph.conv(x, 1280, 1)))
    return graph.model(graph.linear(graph.node("Flatten", x), 1280, CLASSES))


def resnet50() -> onnx.ModelProto:
    """ResNet-50: 25.5 million parameters, 102 MB."""
    graph = Graph("resnet50")
    x = graph.node("Relu", graph.conv("data", 64, 7, 2))
    x = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    for channels, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for unit in range(count):
            step = stride if unit == 0 else 1
            y = graph.node("Relu", graph.conv(x, channels, 1))
            y = graph.node("Relu", graph.conv(y, channels, 3, step))
            shortcut = graph.conv(x, 4 * channels, 1, step) if unit == 0 else x
            x = graph.node("Relu", graph.node("Add", graph.conv(y, 4 * channels, 1), shortcut))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    return graph.model(graph.linear(x, 2048, CLASSES))


def vgg11() -> onnx.ModelProto:
    """VGG-11: 133 million parameters, 531 MB, most of them in one matrix."""
    graph = Graph("vgg11")
    x = "data"
    for channels, pool in zip(
        (64, 128, 256, 256, 512, 512, 512, 512), (True, True, False, True, False, True, False, True), strict=True
    ):
        x = graph.node("Relu", graph.conv(x, channels, 3))
        x = graph.node("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]) if pool else x
    x = graph.node("Flatten", x)
    x = graph.node("Relu", graph.linear(x, 512 * 7 * 7, 4096))
    x = graph.node("Relu", graph.linear(x, 4096, 4096))
    return graph.model(graph.linear(x, 4096, CLASSES))


MODELS: dict[str, Callable[[], onnx.ModelProto]] = {
    "mobilenet_v2": mobilenet_v2,
    "resnet50": resnet50,
    "vgg11": vgg11,
}


def write(folder: Path, name: str, external: bool = False) -> Path:
    """The file of a model, made unless it is there; external: its weights in a file beside it."""
    path = folder / f"{name}{'_external' * external}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        onnx.save(MODELS[name](), unfinished, save_as_external_data=external, location=f"{path.stem}.weights")
        unfinished.replace(path)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name in MODELS:
        print(write(folder, name))
    print(write(folder, "vgg11", external=True))


if __name__ == "__main__":
    main()
