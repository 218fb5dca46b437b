"""What layers are called: as whoever wrote the model calls them, the same each time, each name once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from converters.caffe import files
from converters.caffe.net import Net
from converters.onnx_to_caffe import convert_file

Named = Sequence[tuple[str, str]]  # a value and its node, from the first convolution to the last layer but one


def weights(name: str, *shape: int) -> onnx.TensorProto:
    numbers = np.random.default_rng(len(name)).uniform(0.1, 0.5, shape).astype(np.float32)
    return numpy_helper.from_array(numbers, name)


def model(path: Path, named: Named, title: str = "main_graph", weight: str = "w1", note: str = "") -> Path:
    """Conv, BatchNormalization, Relu, MaxPool, Conv, Sigmoid, GlobalAveragePool; `note`: torch's on the Conv."""
    (c1, bn, relu, pool, c2, act) = (value for value, _ in named)
    names = [node for _, node in named]
    nodes = [
        helper.make_node("Conv", ["x", weight], [c1], names[0], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", [c1, "g", "b", "m", "v"], [bn], names[1]),
        helper.make_node("Relu", [bn], [relu], names[2]),
        helper.make_node("MaxPool", [relu], [pool], names[3], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", [pool, "w2"], [c2], names[4], kernel_shape=[3, 3]),
        helper.make_node("Sigmoid", [c2], [act], names[5]),
        helper.make_node("GlobalAveragePool", [act], ["y"], "last"),
    ]
    if note:
        nodes[0].metadata_props.add(key="pkg.torch.onnx.name_scopes", value=f"['', '{note}', 'x']")
    graph = helper.make_graph(
        nodes,
        title,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4, 1, 1])],
        [weights(weight, 4, 3, 3, 3), weights("w2", 4, 4, 3, 3), *(weights(n, 4) for n in "gbmv")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def converted(path: Path) -> Net:
    convert_file(path, path.with_suffix(""), map_file=True)
    return files.read(path.with_suffix(".prototxt"), path.with_suffix(".caffemodel"))


NUMBERS = [str(number) for number in range(17, 23)]
HAND = ["first", "norm", "act", "pooled", "second", "gate"]
CAFFES = ["conv1", "pool1", "relu1", "conv2", "sigmoid1"]
MODULES = [f"/{scope}/{op}_output_0" for scope, op in zip(
    ("stem/stem.0", "stem/stem.1", "stem/stem.2", "pool", "head/head.conv", "head/head.act"),
    ("Conv", "BatchNormalization", "Relu", "MaxPool", "Conv", "Sigmoid"), strict=True)]  # fmt: skip
SEQUENTIAL = [f"/{number}/{op}_output_0" for number, op in enumerate(
    ("Conv", "BatchNormalization", "Relu", "MaxPool", "Conv", "Sigmoid"))]  # fmt: skip
KERAS = [f"model/{layer}:0" for layer in (
    "conv1/BiasAdd", "bn1/Fused", "relu1/Relu", "pool1/MaxPool", "conv2/BiasAdd", "act/Sigmoid")]  # fmt: skip
LITE = [*KERAS[:4], "model/bn2/Fused;model/bn2/add;model/conv2/Conv2D1", "model/act/Sigmoid"]


@pytest.mark.parametrize(
    ("values", "nodes", "layers"),
    [
        (NUMBERS, [""] * 6, CAFFES),
        (NUMBERS, ["C_0", "BN_1", "Relu_2", "Pool_3", "C_4", "Act_5"], ["C_0", "Pool_3", "Relu_2", "C_4", "Act_5"]),
        (["input.4", "onnx::Relu_5", *NUMBERS[:4]], [""] * 6, CAFFES),
        (HAND, ["a", "b", "c", "d", "e", "f"], ["first", "pooled", "act", "second", "gate"]),
        (MODULES, [""] * 6, ["stem.0", "pool", "stem.2", "head.conv", "head.act"]),
        (SEQUENTIAL, [""] * 6, ["conv_0", "pool_3", "relu_2", "conv_4", "sigmoid_5"]),
        (KERAS, [""] * 6, [f"model/{layer}" for layer in ("conv1", "pool1", "relu1", "conv2", "act")]),
        (LITE, [""] * 6, ["model/conv1", "model/pool1", "model/relu1", "model/conv2", "model/act/Sigmoid"]),
        (["Same", "same", "SAME", "p", "P", "y1"], [""] * 6, ["Same", "p", "SAME_2", "P_1", "y1"]),
    ],
)  # fmt: skip
def test_layers_are_called_as_whoever_wrote_the_model_calls_them(
    values: Sequence[str], nodes: Sequence[str], layers: Sequence[str], tmp_path: Path
) -> None:
    """The BatchNorm is in the convolution, which keeps its name; pooling and ReLU have changed places, not names."""
    net = converted(model(tmp_path / "net.onnx", list(zip(values, nodes, strict=True))))
    assert [item.name for item in net.layers[1:-1]] == list(layers)
    conv, pool, relu, *_ = net.layers[1:]
    assert conv.tops == (conv.name,)
    assert pool.tops == relu.tops == (pool.name,)
    assert net.layers[-1].name == net.layers[-1].tops[0] == "y"


def test_a_convolution_that_torch_put_a_batchnorm_into_is_called_by_its_weights(tmp_path: Path) -> None:
    """torch's notes on it are those of the BatchNorm."""
    path = model(tmp_path / "net.onnx", list(zip(NUMBERS, [""] * 6, strict=True)), weight="conv1.weight", note="bn1")
    assert converted(path).layers[1].name == "conv1"


@pytest.mark.parametrize("title", ["main_graph", "torch_jit", "torch-jit-export", "tf2onnx", "", "graph"])
def test_a_network_is_called_by_its_file_where_the_graph_has_no_name(title: str, tmp_path: Path) -> None:
    path = model(tmp_path / "my net.onnx", list(zip(HAND, HAND, strict=True)), title or "x")
    if not title:
        proto = onnx.load(path)
        proto.graph.name = title
        onnx.save(proto, path)
    assert converted(path).name == "my_net"


def test_a_network_with_a_name_keeps_it(tmp_path: Path) -> None:
    assert converted(model(tmp_path / "net.onnx", list(zip(HAND, HAND, strict=True)), "LeNet")).name == "LeNet"


def test_the_same_model_gives_the_same_files_wherever_it_lies(tmp_path: Path) -> None:
    """No folder's name is in what is written."""
    written = []
    for folder in (tmp_path / "here", tmp_path / "somewhere" / "else"):
        folder.mkdir(parents=True)
        path = model(folder / "net.onnx", list(zip(NUMBERS, [""] * 6, strict=True)))
        converted(path)
        written.append([path.with_suffix(end).read_bytes() for end in (".prototxt", ".caffemodel", ".map.json")])
    assert written[0] == written[1]
    assert not any(str(tmp_path).encode() in file for file in written[0])
