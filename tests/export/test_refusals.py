"""What can't be exported is one sentence with the user's own line, and torch says nothing beside it."""

from __future__ import annotations

import logging
import warnings

import pytest
import torch
from torch import Tensor, nn

from converters.errors import ToolkitError
from tests.export import nets
from toolkit.export import ExportError, export
from toolkit.models import create


class Branching(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x + 1
        return x


class Reading(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, : int(x.sum().item())]


class Exotic(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.special.bessel_j0(x)


class Failing(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        raise KeyError("lost")


class Mismatched(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


class Constant(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, int]:
        return x + 1, 3


class FixedBatch(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.view(2, 2, 4)


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (Branching, r"control flow depends on the values of a tensor \(.*\), at .*test_refusals\.py.*, in forward"),
        (Reading, r"control flow depends on the values of a tensor \(.*\), at .*test_refusals\.py.*, in forward"),
        (Exotic, r"no ONNX form for prims\.bessel_j0, at .*test_refusals\.py.*, in forward"),
        (Failing, r"KeyError: 'lost', at .*test_refusals\.py.*, in forward"),
        (Mismatched, r"can't export Mismatched: .*\[2, 8\].*, at .*test_refusals\.py.*, in forward"),
        (Constant, "output 1 is the constant 3, not a tensor"),
    ],
)
def test_a_model_that_can_not_be_exported(net: type[nn.Module], reason: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ExportError, match=reason) as caught:
        export(net(), input_shapes={"x": (2, 8)})
    assert "\n" not in str(caught.value)
    assert "/" not in str(caught.value).split("File")[-1].replace("tests/export/test_refusals.py", "")
    assert caught.value.exit_code == 3
    assert capfd.readouterr() == ("", "")


def test_a_batch_that_the_model_fixes_can_not_be_left_open() -> None:
    with pytest.raises(ExportError, match="fixes a dimension that was to be dynamic; export it without dynamic batch"):
        export(FixedBatch(), input_shapes={"x": (2, 8)}, dynamic_batch=True)
    assert export(FixedBatch(), input_shapes={"x": (2, 8)}).graph.outputs[0].shape == (2, 2, 4)


def test_an_image_size_that_the_network_was_not_built_for() -> None:
    with pytest.raises(ExportError, match="this network takes 3x64x64 images, not 3x96x96"):
        export(create("shufflenet_v2_x0.25", image_size=64), image_size=96)


@pytest.mark.parametrize(
    ("net", "options", "reason"),
    [
        (nets.TwoInputs, {}, "give a shape for every input of the model: left, right"),
        (nets.TwoInputs, {"input_shapes": {"left": (1, 2)}}, "no shape for the model's input 'right'"),
        (nets.TwoInputs, {"input_shapes": {"lift": (1, 2)}}, "no input 'lift'; its inputs are left, right, scale"),
        (nets.ResNet, {"input_shapes": {"image": (1, 0, 2)}}, r"is \(1, 0, 2\); every dimension must be 1 or more"),
        (nets.ResNet, {"input_shapes": {"image": ()}}, "every dimension must be 1 or more"),
        (nets.ResNet, {"input_shapes": {"image": (1, 3, 8, 8)}, "image_size": 8}, "not both"),
    ],
)
def test_shapes_that_do_not_fit_the_inputs(net: type[nn.Module], options: dict[str, object], reason: str) -> None:
    with pytest.raises(ToolkitError, match=reason):
        export(net(), **options)


def test_a_good_export_is_silent_and_leaves_logging_as_it_was(capfd: pytest.CaptureFixture[str]) -> None:
    before = logging.root.manager.disable
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        export(nets.ResNet(), input_shapes={"image": (1, 3, 32, 32)})
    assert not warned
    assert capfd.readouterr() == ("", "")
    assert logging.root.manager.disable == before
