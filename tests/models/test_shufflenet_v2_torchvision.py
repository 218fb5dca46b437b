"""torchvision's checkpoints: their keys, their numbers by a second implementation, and their way to Caffe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, linear, max_pool2d, relu

from converters.errors import InvalidInput, ToolkitError
from converters.onnx_to_caffe import convert_file
from toolkit.export import export, save
from toolkit.models import available, checkpoint, create
from toolkit.models.shufflenet_v2_torchvision import WIDTHS

# channels of a checkpoint's parts, and the number of parameters that torchvision states for it (`num_params`)
PUBLISHED = {
    0.5: ((24, 48, 96, 192, 1024), 1_366_792),
    1.0: ((24, 116, 232, 464, 1024), 2_278_604),
    1.5: ((24, 176, 352, 704, 1024), 3_503_624),
    2.0: ((24, 244, 488, 976, 2048), 7_393_996),
}
REPEATS = (4, 8, 4)


def shapes(width: float, classes: int = 1000) -> dict[str, tuple[int, ...]]:
    """Keys and shapes of torchvision's state dict, from its public source."""
    found: dict[str, tuple[int, ...]] = {}

    def layer(conv: str, bn: str, outputs: int, inputs: int, kernel: int) -> None:
        found[f"{conv}.weight"] = (outputs, inputs, kernel, kernel)
        found.update({f"{bn}.{name}": (outputs,) for name in ("weight", "bias", "running_mean", "running_var")})
        found[f"{bn}.num_batches_tracked"] = ()

    (stem, *stages, last), _ = PUBLISHED[width]
    layer("conv1.0", "conv1.1", stem, 3, 3)
    inputs = stem
    for number, (outputs, repeats) in enumerate(zip(stages, REPEATS, strict=True)):
        half = outputs // 2
        for index in range(repeats):
            unit = f"stage{number + 2}.{index}"
            if index == 0:
                layer(f"{unit}.branch1.0", f"{unit}.branch1.1", inputs, 1, 3)
                layer(f"{unit}.branch1.2", f"{unit}.branch1.3", half, inputs, 1)
            layer(f"{unit}.branch2.0", f"{unit}.branch2.1", half, inputs if index == 0 else half, 1)
            layer(f"{unit}.branch2.3", f"{unit}.branch2.4", half, 1, 3)
            layer(f"{unit}.branch2.5", f"{unit}.branch2.6", half, half, 1)
        inputs = outputs
    layer("conv5.0", "conv5.1", last, inputs, 1)
    return {**found, "fc.weight": (classes, last), "fc.bias": (classes,)}


def weights(width: float, classes: int = 1000) -> dict[str, Tensor]:
    """A checkpoint of these shapes with numbers that keep the signal alive."""
    rng = np.random.default_rng(5)
    made = {}
    for key, shape in shapes(width, classes).items():
        if key.endswith("num_batches_tracked"):
            made[key] = torch.tensor(7)
        elif key.endswith("running_var"):
            made[key] = torch.tensor(rng.uniform(0.5, 1.5, shape), dtype=torch.float32)
        elif len(shape) > 1:
            made[key] = torch.tensor(rng.normal(0, np.sqrt(2 / np.prod(shape[1:])), shape), dtype=torch.float32)
        else:
            made[key] = torch.tensor(rng.normal(key.endswith("weight"), 0.1, shape), dtype=torch.float32)
    return made


def reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """torchvision's network, from its description, by functions on a state dict alone."""

    def layer(x: Tensor, conv: str, bn: str, stride: int = 1, groups: int = 1, act: bool = True) -> Tensor:
        weight = state[f"{conv}.weight"]
        x = conv2d(x, weight, None, stride, weight.shape[-1] // 2, 1, groups)
        mean, var, scale, bias = (state[f"{bn}.{name}"] for name in ("running_mean", "running_var", "weight", "bias"))
        x = batch_norm(x, mean, var, scale, bias)
        return relu(x) if act else x

    def right(x: Tensor, unit: str, stride: int) -> Tensor:
        x = layer(x, f"{unit}.branch2.0", f"{unit}.branch2.1")
        x = layer(x, f"{unit}.branch2.3", f"{unit}.branch2.4", stride, x.shape[1], act=False)
        return layer(x, f"{unit}.branch2.5", f"{unit}.branch2.6")

    x = max_pool2d(layer(x, "conv1.0", "conv1.1", 2), 3, 2, 1)
    for stage, repeats in zip((2, 3, 4), REPEATS, strict=True):
        for index in range(repeats):
            unit = f"stage{stage}.{index}"
            if index == 0:
                left = layer(x, f"{unit}.branch1.0", f"{unit}.branch1.1", 2, x.shape[1], act=False)
                left = layer(left, f"{unit}.branch1.2", f"{unit}.branch1.3")
                both = [left, right(x, unit, 2)]
            else:
                first, second = x.split(x.shape[1] // 2, 1)
                both = [first, right(second, unit, 1)]
            x = torch.stack(both, 2).flatten(1, 2)  # interleaved: a shuffle of two groups
    x = layer(x, "conv5.0", "conv5.1").flatten(2).mean(2)
    return linear(x, state["fc.weight"], state["fc.bias"])


@pytest.mark.parametrize("width", WIDTHS)
def test_keys_shapes_and_parameters_are_torchvisions(width: float) -> None:
    module = create(f"shufflenet_v2_x{width}-torchvision")
    assert {key: tuple(value.shape) for key, value in module.state_dict().items()} == shapes(width)
    assert sum(parameter.numel() for parameter in module.parameters()) == PUBLISHED[width][1]
    assert f"shufflenet_v2_x{width}-torchvision" in available()


@pytest.mark.parametrize("width", WIDTHS)
def test_logits_are_those_of_the_description(width: float, tmp_path: Path) -> None:
    state = weights(width, 7)
    torch.save(state, tmp_path / "net.pth")
    module = create(f"shufflenet_v2_x{width}-torchvision", weights=tmp_path / "net.pth")  # seven classes, read from it
    x = torch.rand(2, 3, 75, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = module(x), reference(state, x)
    assert ours.shape == (2, 7)
    assert (ours - theirs).abs().max() <= 1e-5 * theirs.abs().max()
    assert (theirs[0] - theirs[1]).abs().max() > 1e-3 * theirs.abs().max()


def test_it_converts_with_the_published_layer_names(tmp_path: Path) -> None:
    torch.save(weights(0.5, 7), tmp_path / "net.pth")
    module = create("shufflenet_v2_x0.5-torchvision", weights=tmp_path / "net.pth", image_size=64)
    save(export(module, keep_bn=True), tmp_path / "net.onnx")
    convert_file(tmp_path / "net.onnx", tmp_path / "net", style="train", dialect="shufflenet")
    text = (tmp_path / "net.prototxt").read_text()
    for name in ("stage1/conv", "stage_2_1/conv4/bn", "stage_3_8/conv2", "stage_4_4/shuffle", "conv5/relu"):
        assert f'name: "{name}"' in text


@pytest.mark.parametrize(
    "spec, hint", [("shufflenet_v2_x1.0", "x1.5-torchvision"), ("shufflenet_v2_x1.0-torchvision", "x1.5-torchvision")]
)
def test_a_checkpoint_for_another_network_is_named(spec: str, hint: str, tmp_path: Path) -> None:
    torch.save(weights(1.5), tmp_path / "net.pth")
    with pytest.raises(InvalidInput, match=f"it looks like shufflenet_v2_{hint}"):
        create(spec, weights=tmp_path / "net.pth")
    checkpoint.save(create("shufflenet_v2_x1.0").state_dict(), tmp_path / "ours.pth")
    with pytest.raises(InvalidInput, match=r"it looks like shufflenet_v2_x1\.0$"):
        create("shufflenet_v2_x1.0-torchvision", weights=tmp_path / "ours.pth")


@pytest.mark.parametrize("spec", ["shufflenet_v2_x0.25-torchvision", "shufflenet_v2_x1.0-other"])
def test_widths_that_torchvision_has_not_are_refused(spec: str) -> None:
    with pytest.raises(ToolkitError, match="there are shufflenet_v2_x0"):
        create(spec)
