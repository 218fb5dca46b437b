"""ShuffleNet V2 with the state-dict keys, the numbers and the Caffe layer names of its published checkpoints.

Three things differ from torchvision's network of the same name: a BatchNorm on the image does the normalisation (the
input is plain RGB in [0, 1]), the first pooling has no padding and rounds up, and the classifier is a 1x1 convolution.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from converters.errors import ToolkitError

# width -> channels of the three stages, then of the last convolution
CHANNELS: dict[float, tuple[int, int, int, int]] = {
    0.25: (24, 48, 96, 512),
    0.33: (32, 64, 128, 512),
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
UNITS = (4, 8, 4)
STEM_CHANNELS = 24
STRIDE = 32  # of the whole network


class ChannelSplit(nn.Module):
    """The channels in two halves."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> its first and its second half of channels."""
        left, right = x.chunk(2, dim=1)
        return left, right


class Concat(nn.Module):
    """The branches side by side along channels."""

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Two (N, C, H, W) -> (N, 2C, H, W)."""
        return torch.cat((left, right), dim=1)


class ChannelShuffle(nn.Module):
    """Interleave the channels of `groups` equal groups: reshape, transpose, reshape."""

    def __init__(self, groups: int = 2) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same channels, one of each group in turn."""
        batch, channels, height, width = x.shape
        grouped = x.reshape(batch, self.groups, channels // self.groups, height, width)
        return grouped.transpose(1, 2).reshape(batch, channels, height, width)


def conv_bn(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, relu: bool = True
) -> nn.Sequential:
    """A bias-free convolution that keeps the size at stride 1, its BatchNorm, and mostly a ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([nn.ReLU(inplace=True)] if relu else []))


class Unit(nn.Module):
    """Two branches, concatenated and shuffled.

    With stride 1 the left branch is the first half of the input, untouched, and the right one works on the other half.
    With stride 2 both work on the whole input.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        half = outputs // 2
        right = half if stride == 1 else inputs
        self.split = ChannelSplit() if stride == 1 else None
        self.conv = nn.Sequential(
            conv_bn(right, half, 1),
            conv_bn(half, half, 3, stride, groups=half, relu=False),
            conv_bn(half, half, 1),
        )
        # registered after `conv` for the order of the keys, run before it for the order of the published layers
        self.conv0 = (
            None
            if stride == 1
            else nn.Sequential(conv_bn(inputs, inputs, 3, stride, groups=inputs, relu=False), conv_bn(inputs, half, 1))
        )
        self.concat = Concat()
        self.shuffle = ChannelShuffle(2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> a unit's output, half as high and wide where it downsamples."""
        left, right = (x, x) if self.split is None else self.split(x)
        if self.conv0 is not None:
            left = self.conv0(left)
        shuffled: Tensor = self.shuffle(self.concat(left, self.conv(right)))
        return shuffled


class ShuffleNetV2(nn.Module):
    """Images [N, 3, image_size, image_size], RGB in [0, 1], to logits [N, num_classes].

    Weights start Kaiming-normal (fan out) from torch's global generator: seed it, or use `toolkit.models.create`.
    """

    def __init__(self, width: float = 1.0, num_classes: int = 1000, image_size: int = 224) -> None:
        super().__init__()
        if width not in CHANNELS:
            known = ", ".join(map(str, CHANNELS))
            raise ToolkitError(f"ShuffleNet V2 has no width {width:g}; the widths are {known}")
        if num_classes < 1:
            raise ToolkitError(f"a classifier needs one class at least, not {num_classes}")
        if image_size < STRIDE or image_size % STRIDE:
            raise ToolkitError(f"image size {image_size} is not a positive multiple of {STRIDE}")
        self.width, self.num_classes, self.image_size = width, num_classes, image_size
        *stages, last = CHANNELS[width]
        self.network = nn.Sequential(
            nn.BatchNorm2d(3),
            conv_bn(3, STEM_CHANNELS, 3, stride=2),
            nn.MaxPool2d(3, 2, padding=0, ceil_mode=True),
            *(
                nn.Sequential(Unit(inputs, outputs, 2), *(Unit(outputs, outputs, 1) for _ in range(units - 1)))
                for inputs, outputs, units in zip((STEM_CHANNELS, *stages[:-1]), stages, UNITS, strict=True)
            ),
            conv_bn(stages[-1], last, 1),
            nn.AvgPool2d(image_size // STRIDE, stride=1),
            nn.Conv2d(last, num_classes, 1),
        )
        self._initialise()

    def _initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, data: Tensor) -> Tensor:
        """Images (N, 3, size, size) -> scores (N, classes)."""
        if tuple(data.shape[1:]) != (3, self.image_size, self.image_size):
            size = "x".join(str(dim) for dim in data.shape[1:])
            raise ValueError(f"this network takes 3x{self.image_size}x{self.image_size} images, not {size}")
        return torch.flatten(self.network(data), 1)

    def layer_names(self) -> dict[str, str | tuple[str, ...]]:
        """Module path -> published Caffe layer name; the split has one name for each half."""
        names: dict[str, str | tuple[str, ...]] = {
            "network.0": "data/bn",
            **conv_names("network.1", "stage1/conv"),
            "network.2": "stage1/pool",
            **conv_names("network.6", "conv5"),
            "network.7": "pool",
            "network.8": "fc",
        }
        for stage, units in enumerate(UNITS):
            for unit in range(units):
                names |= _unit_names(f"network.{3 + stage}.{unit}", f"stage_{2 + stage}_{1 + unit}")
        modules = dict(self.named_modules())  # a unit has not all the parts that the table knows
        return {path: name for path, name in names.items() if path in modules}


def conv_names(path: str, layer: str, first: int = 0, relu: bool = True) -> dict[str, str]:
    """Names of a convolution, its BatchNorm and its ReLU, which stand at `first` and behind it in a sequence."""
    parts = ("", "/bn", "/relu")[: 2 + relu]
    return {f"{path}.{first + place}": f"{layer}{part}" for place, part in enumerate(parts)}


def _unit_names(path: str, unit: str) -> dict[str, str | tuple[str, ...]]:
    names: dict[str, str | tuple[str, ...]] = {
        f"{path}.split": (f"{unit}/slice1", f"{unit}/slice2"),
        f"{path}.concat": f"{unit}/concat",
        f"{path}.shuffle": f"{unit}/shuffle",
    }
    layers = {"conv.0": "conv1", "conv.1": "conv2", "conv.2": "conv3", "conv0.0": "conv4", "conv0.1": "conv5"}
    for module, layer in layers.items():
        names |= conv_names(f"{path}.{module}", f"{unit}/{layer}")
    return names


def width_of(shapes: Mapping[str, tuple[int, ...]]) -> float | None:
    """The width whose last 1x1 convolution has the shape found in a state dict, if it is one of ours."""
    found = shapes.get("network.6.0.weight", ())[:2]
    return next((width for width, (*_, last_in, last) in CHANNELS.items() if found == (last, last_in)), None)
