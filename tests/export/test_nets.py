"""Networks that are not ours: equal to torch, one readable name for everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import onnx_ir as ir
import pytest
import torch
from torch import nn

from tests.export import nets
from tests.export.running import assert_same
from toolkit.export import export

NETS: dict[str, tuple[Callable[[], nn.Module], Sequence[int]]] = {
    "resnet": (nets.ResNet, (3, 32, 32)),
    "perceptron": (nets.Perceptron, (6,)),
    "mobile": (nets.Mobile, (3, 16, 16)),
}


@cache
def exported(name: str, **options: bool) -> tuple[ir.Model, nn.Module]:
    make, shape = NETS[name]
    net = nets.randomised(make())
    inputs = {"resnet": "image"}.get(name, "x")
    return export(net, input_shapes={inputs: (1, *shape)}, **options), net


@pytest.mark.parametrize("keep_bn", [False, True], ids=["folded", "keep-bn"])
@pytest.mark.parametrize("dynamic", [False, True], ids=["static", "dynamic"])
@pytest.mark.parametrize("name", NETS)
def test_it_equals_torch(name: str, dynamic: bool, keep_bn: bool) -> None:
    model, net = exported(name, dynamic_batch=dynamic, keep_bn=keep_bn)
    for batch in (1, 3) if dynamic else (1,):
        assert_same(model, net, [(batch, *NETS[name][1])])
    norms = [node.name for node in model.graph if node.op_type == "BatchNormalization"]
    modules = [path for path, part in net.named_modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    linear = [path for path in modules if name == "perceptron"]  # only convolutions take a BatchNorm in
    assert sorted(norms) == sorted(modules if keep_bn else linear)


@pytest.mark.parametrize("name", NETS)
def test_every_name_is_safe_and_given_once(name: str) -> None:
    model, _ = exported(name, keep_bn=True)
    values = [value.name for node in model.graph for value in node.outputs]
    named = [*values, *(value.name for value in model.graph.inputs), *model.graph.initializers]
    assert len(set(named)) == len(named)
    assert all(re.fullmatch(r"[A-Za-z0-9_./-]+", text) for text in named)
    assert [node.name for node in model.graph] == [node.outputs[0].name for node in model.graph]


def test_values_are_called_like_the_modules_that_compute_them() -> None:
    model, _ = exported("resnet", keep_bn=True)
    assert [node.name for node in model.graph] == [
        "conv1",
        "bn1",
        "relu",
        "maxpool",
        *(f"layer1.0.{part}" for part in ("conv1", "bn1", "relu", "conv2", "bn2")),
        "layer1.0/add",
        "layer1.0.relu_1",
        *(f"layer1.1.{part}" for part in ("downsample.0", "downsample.1", "conv1", "bn1", "relu", "conv2", "bn2")),
        "layer1.1/add",
        "layer1.1.relu_1",
        "avgpool",
        "flatten",
        "output",
    ]
    assert [value.name for value in model.graph.inputs] == ["image"]


def test_inner_steps_and_constants_say_what_they_are() -> None:
    model, _ = exported("mobile")
    names = {node.name: node.op_type for node in model.graph}
    assert {
        "up.2/sigmoid": "Sigmoid",
        "up.2": "Mul",
        "act/erf": "Erf",
        "act": "Mul",
        "se/mul": "Mul",
    }.items() <= names.items()
    assert {"stem.0": "Conv", "up.0": "ConvTranspose", "split": "Split", "logits": "Gemm"}.items() <= names.items()
    assert [value.name for value in model.graph.outputs] == ["logits", "map", "peak"]
    assert {"se/clip/min", "split/split", "up.0.bias", "up.0.weight"} <= set(model.graph.initializers)
    (split,) = (node for node in model.graph if node.op_type == "Split")
    assert [value.name for value in split.outputs] == ["split", "split_1", "split_2"]


def test_names_given_by_the_caller_replace_module_paths() -> None:
    net = nets.randomised(nets.ResNet())
    names = {"conv1": "stem/conv", "layer1.0": "block one", "image": "data", "output": "prob"}
    model = export(net, input_shapes={"image": (1, 3, 32, 32)}, names=names)
    found = {value.name for node in model.graph for value in node.outputs}
    assert {"stem/conv", "block_one/add", "prob"} <= found
    assert not {"conv1", "layer1.0/add", "output"} & found
    assert model.graph.inputs[0].name == "data"


def test_every_node_knows_its_module_and_its_source_line() -> None:
    model, _ = exported("resnet", opset=20)  # through onnx's converter, which drops metadata
    found = {node.name: node.metadata_props for node in model.graph}
    source = r'File "tests/export/nets\.py", line \d+, in forward'
    assert all(re.fullmatch(source, metadata["source"]) for metadata in found.values())
    lines = Path(nets.__file__).read_text().splitlines()
    line = int(found["layer1.0/add"]["source"].split("line ")[1].split(",")[0])
    assert lines[line - 1].strip() == "out += identity"
    assert found["layer1.0/add"]["module"] == "layer1.0"
    assert found["layer1.0.conv1"]["module"] == "layer1.0.conv1"
    assert "module" not in found["flatten"]  # it stands in the network's own forward
    assert all(set(metadata) <= {"module", "source"} for metadata in found.values())


def test_two_inputs_and_an_output_that_is_an_input() -> None:
    net = nets.TwoInputs()
    model = export(net, input_shapes={"left": (2, 3), "right": (2, 3)})
    assert [value.name for value in model.graph.inputs] == ["left", "right"]
    assert [value.name for value in model.graph.outputs] == ["output", "output_1"]
    assert_same(model, net, [(2, 3), (2, 3)])


def test_the_module_is_exported_in_eval_mode_and_left_as_it_was() -> None:
    net = nets.randomised(nets.Perceptron())
    net.train()
    net.layers[1].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    model = export(net, input_shapes={"x": (2, 6)})
    assert (net.training, net.layers[1].training, net.layers[3].training) == (True, False, True)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert_same(model, net.eval(), [(2, 6)])
    assert "Dropout" not in {node.op_type for node in model.graph}
