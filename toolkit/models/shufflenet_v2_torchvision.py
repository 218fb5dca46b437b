"""ShuffleNet V2 as torchvision has it, with the state-dict keys of its checkpoints.

Against the network in `shufflenet_v2.py`: no BatchNorm on the image (it takes RGB normalised by ImageNet's mean and
standard deviation), a padded first pooling that rounds down, and a linear classifier. Caffe layers have the same names.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from converters.errors import ToolkitError
from toolkit.models.shufflenet_v2 import (
    CHANNELS,
    STEM_CHANNELS,
    STRIDE,
    UNITS,
    ChannelShuffle,
    ChannelSplit,
    Concat,
    conv_bn,
    conv_names,
)

WIDTHS = (0.5, 1.0, 1.5, 2.0)
STAGES = ("stage2", "stage3", "stage4")


class Unit(nn.Module):
    """Two branches, concatenated and shuffled; with stride 1 the left one is half of the input, untouched."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        right = half if stride == 1 else inputs
        self.split = ChannelSplit() if stride == 1 else None
        down = (conv_bn(inputs, inputs, 3, stride, groups=inputs, relu=False), conv_bn(inputs, half, 1))
        self.branch1 = _flat(*down) if stride > 1 else nn.Sequential()
        self.branch2 = _flat(
            conv_bn(right, half, 1), conv_bn(half, half, 3, stride, groups=half, relu=False), conv_bn(half, half, 1)
        )
        self.concat = Concat()
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> a unit's output, half as high and wide where it downsamples."""
        left, right = (x, x) if self.split is None else self.split(x)
        shuffled: Tensor = self.shuffle(self.concat(self.branch1(left), self.branch2(right)))
        return shuffled


class TorchvisionShuffleNetV2(nn.Module):
    """Images [N, 3, image_size, image_size], RGB normalised by ImageNet's statistics, to logits [N, classes]."""

    def __init__(self, width: float = 1.0, num_classes: int = 1000, image_size: int = 224) -> None:
        super().__init__()
        if width not in WIDTHS:
            raise ToolkitError(f"torchvision's ShuffleNet V2 has no width {width:g}; there are {WIDTHS}")
        if num_classes < 1:
            raise ToolkitError(f"a classifier needs one class at least, not {num_classes}")
        if image_size < STRIDE:
            raise ToolkitError(f"image size {image_size} is below {STRIDE}")
        self.width, self.num_classes, self.image_size = width, num_classes, image_size
        *stages, last = CHANNELS[width]
        self.conv1 = conv_bn(3, STEM_CHANNELS, 3, stride=2)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        for name, inputs, outputs, units in zip(STAGES, (STEM_CHANNELS, *stages[:-1]), stages, UNITS, strict=True):
            parts = [Unit(inputs, outputs, 2), *(Unit(outputs, outputs, 1) for _ in range(units - 1))]
            setattr(self, name, nn.Sequential(*parts))
        self.conv5 = conv_bn(stages[-1], last, 1)
        self.fc = nn.Linear(last, num_classes)

    def forward(self, data: Tensor) -> Tensor:
        """Images (N, 3, size, size) -> scores (N, classes)."""
        x = self.maxpool(self.conv1(data))
        for name in STAGES:
            x = getattr(self, name)(x)
        logits: Tensor = self.fc(self.conv5(x).mean([2, 3]))
        return logits

    def layer_names(self) -> dict[str, str | tuple[str, ...]]:
        """Module path -> the Caffe layer name that the same layer has in the published networks."""
        names: dict[str, str | tuple[str, ...]] = {"maxpool": "stage1/pool"}
        names |= {**conv_names("conv1", "stage1/conv"), **conv_names("conv5", "conv5")}
        for stage, units in zip(STAGES, UNITS, strict=True):
            for unit in range(units):
                names |= _unit_names(f"{stage}.{unit}", f"{stage.replace('stage', 'stage_')}_{unit + 1}")
        modules = dict(self.named_modules())
        return {path: name for path, name in names.items() if path in modules}


def _flat(*blocks: nn.Sequential) -> nn.Sequential:
    """The layers of several blocks in one sequence, as torchvision numbers them."""
    return nn.Sequential(*(layer for block in blocks for layer in block))


def _unit_names(path: str, unit: str) -> dict[str, str | tuple[str, ...]]:
    names: dict[str, str | tuple[str, ...]] = {
        f"{path}.split": (f"{unit}/slice1", f"{unit}/slice2"),
        f"{path}.concat": f"{unit}/concat",
        f"{path}.shuffle": f"{unit}/shuffle",
    }
    layers = {
        "branch2.0": "conv1",
        "branch2.3": "conv2",
        "branch2.5": "conv3",
        "branch1.0": "conv4",
        "branch1.2": "conv5",
    }
    for module, layer in layers.items():
        branch, _, first = module.partition(".")
        names |= conv_names(f"{path}.{branch}", f"{unit}/{layer}", int(first), relu=layer not in ("conv2", "conv4"))
    return names


def width_of(shapes: Mapping[str, tuple[int, ...]]) -> float | None:
    """The width whose last convolution, and whose first stage, have the shapes found in a state dict."""
    last, first = shapes.get("conv5.0.weight", ())[:2], shapes.get("stage2.0.branch2.0.weight", ())[:1]
    return next(
        (
            width
            for width in WIDTHS
            for one, _, three, five in [CHANNELS[width]]
            if (last, first) == ((five, three), (one // 2,))
        ),
        None,
    )
