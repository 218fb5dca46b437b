"""Small networks as people write them; each exports in about a second."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """ResNet's block: one ReLU module used twice, an addition in the forward."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = (
            nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
            if stride != 1
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += identity
        return self.relu(out)


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = nn.Sequential(BasicBlock(4, 4, 1), BasicBlock(4, 6, 2))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(6, 5)

    def forward(self, image: Tensor) -> Tensor:
        x = self.maxpool(F.relu(self.bn1(self.conv1(image))))
        return self.fc(torch.flatten(self.avgpool(self.layer1(x)), 1))


class Perceptron(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(self.layers(x), dim=-1)


class SqueezeExcite(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc1 = nn.Linear(channels, channels // 2)
        self.fc2 = nn.Conv2d(channels // 2, channels, 1)
        self.gate = nn.Hardsigmoid()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = F.relu6(self.fc1(self.pool(x).flatten(1)))
        return x * self.gate(self.fc2(squeezed[:, :, None, None]))


class Mobile(nn.Module):
    """Squeeze-and-excite, HardSwish, SiLU, GELU, a transposed convolution with BatchNorm, three outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.BatchNorm2d(8, affine=False), nn.Hardswish())
        self.se = SqueezeExcite(8)
        self.up = nn.Sequential(nn.ConvTranspose2d(8, 6, 2, 2, groups=2, bias=False), nn.BatchNorm2d(6), nn.SiLU())
        self.act = nn.GELU()
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.se(self.stem(x))
        first, second, third = x.split((2, 3, 3), dim=1)
        mixed = torch.cat((third, first, second), 1)
        larger = F.interpolate(self.up(mixed), scale_factor=2, mode="nearest")
        return {
            "logits": self.head(self.act(mixed).mean((2, 3))),
            "map": torch.softmax(F.pad(larger, (1, 0, 0, 1)), dim=1),
            "peak": mixed[:, ::2, 1:].amax((2, 3)),
        }


class TwoInputs(nn.Module):
    """Two inputs and two outputs, one of which is an input again."""

    def forward(self, left: Tensor, right: Tensor, scale: float = 2.0) -> tuple[Tensor, Tensor]:
        return left * scale + right, left


def randomised(net: nn.Module, seed: int = 0) -> nn.Module:
    """`net` in eval mode, its BatchNorms with statistics that a wrong fold would show."""
    generator = torch.Generator().manual_seed(seed)
    for key, value in net.state_dict().items():
        if key.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point():
            value.normal_(0, 0.5, generator=generator)
    return net.eval()
