"""Converted networks, and faults put into one layer of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from converters import mapping
from converters.caffe import binary, text
from converters.caffe.net import Layer, Net
from converters.onnx_to_caffe import convert_file
from toolkit.export import export, save
from toolkit.models import create
from toolkit.parity.localise.graphs import read_caffe

EPS = 1e-3  # of the small net's normalisations, whose variances are as small: to drop it shows


class Unit(nn.Sequential):
    """Convolution, normalisation, activation."""

    def __init__(self, before: int, after: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(after, eps=EPS),
            nn.ReLU(),
        )


class SmallNet(nn.Module):
    """A residual unit, two branches that are concatenated, pooling, a classifier: what layers are usually between."""

    image_size = 32

    def __init__(self) -> None:
        super().__init__()
        self.stem = Unit(3, 8)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.body = nn.Sequential(Unit(8, 8), nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8, eps=EPS))
        self.relu = nn.ReLU()
        self.left, self.right = Unit(8, 8, groups=8), Unit(8, 8, kernel=5)
        self.down = Unit(16, 16, stride=2)
        self.head = nn.Linear(16, 10)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.2, 0.2)
                nn.init.uniform_(module.running_var, EPS, 3 * EPS)

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.stem(data))
        x = self.relu(x + self.body(x))
        x = self.down(torch.cat([self.left(x), self.right(x)], 1))
        return self.head(x.mean((2, 3)))


@dataclass(frozen=True)
class Converted:
    """The files of a conversion, with the map."""

    onnx: Path
    prefix: Path

    @property
    def prototxt(self) -> Path:
        return Path(f"{self.prefix}.prototxt")

    @property
    def net(self) -> Net:
        return read_caffe(self.prototxt, Path(f"{self.prefix}.caffemodel"))


def seeded() -> nn.Module:
    """The small net, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SmallNet().eval()


def small(folder: Path, style: str = "deploy", **options: Any) -> Converted:
    """The small net, exported and converted."""
    return _converted(seeded(), folder, style, **options)


def shufflenet(folder: Path, style: str = "deploy", **options: Any) -> Converted:
    """The narrowest ShuffleNet V2, on small images; its shuffles go into the weights."""
    return _converted(create("shufflenet_v2_x0.25", image_size=64), folder, style, **options)


def _converted(module: nn.Module, folder: Path, style: str, **options: Any) -> Converted:
    onnx = folder / "net.onnx"
    save(export(module, keep_bn=True), onnx)
    convert_file(onnx, folder / "net", style=style, map_file=True, **options)
    return Converted(onnx, folder / "net")


def write(net: Net, source: Converted, folder: Path) -> Converted:
    """The net in files of its own, with the map of the sound one."""
    prefix = folder / "bad"
    write_files(net, prefix)
    mapping.write(mapping.read(Path(f"{source.prefix}.map.json")), Path(f"{prefix}.map.json"), folder)
    return Converted(source.onnx, prefix)


def write_files(net: Net, prefix: Path) -> tuple[Path, Path]:
    files = Path(f"{prefix}.prototxt"), Path(f"{prefix}.caffemodel")
    files[0].write_text(text.write(net), encoding="utf-8")
    with files[1].open("wb") as file:
        binary.write(net, file)
    return files


def plant(net: Net, kind: str, seed: int) -> tuple[Net, str]:
    """The net with a fault of this kind in one layer, and that layer's name."""
    rng = np.random.default_rng(seed)
    layers = list(net.layers)
    places = [place for place, layer in enumerate(layers) if FITS[kind](layer)]
    place = places[rng.integers(len(places))]
    layers[place] = FAULTS[kind](layers[place], rng)
    return replace(net, layers=tuple(layers)), layers[place].name


def _weight(layer: Layer, rng: np.random.Generator) -> Layer:
    """One weight of each output off by half of the largest: a single one may lie behind a channel of zeros, unseen."""
    weight = np.array(layer.blobs[0])
    rows = weight.reshape(len(weight), -1)
    rows[np.arange(len(rows)), rng.integers(rows.shape[1], size=len(rows))] += 0.5 * np.abs(weight).max()
    return replace(layer, blobs=(weight, *layer.blobs[1:]))


def _pad(layer: Layer, rng: np.random.Generator) -> Layer:
    """The padding one more, or one less."""
    (group, param), *_ = ((key, value) for key, value in layer.params.items() if isinstance(value, Mapping))
    pad = param.get("pad", 0)
    old = pad[0] if isinstance(pad, list) else pad
    new = max(0, old + int(rng.choice([-1, 1])))
    new = old + 1 if new == old else new
    return replace(layer, params={**layer.params, group: {**param, "pad": [new] if isinstance(pad, list) else new}})


def _eps(layer: Layer, rng: np.random.Generator) -> Layer:
    """No eps in the normalisation: Caffe takes its own, which is smaller."""
    param = {key: value for key, value in layer.params["batch_norm_param"].items() if key != "eps"}
    return replace(layer, params={**layer.params, "batch_norm_param": param})


def _swap(layer: Layer, rng: np.random.Generator) -> Layer:
    """Two output channels in each other's place."""
    first, second = rng.choice(layer.blobs[0].shape[0], 2, replace=False)
    order = np.arange(layer.blobs[0].shape[0])
    order[[first, second]] = second, first
    return replace(layer, blobs=tuple(np.array(blob)[order] for blob in layer.blobs))


FAULTS = {"weight": _weight, "pad": _pad, "eps": _eps, "swap": _swap}
FITS = {
    "weight": lambda layer: layer.type in ("Convolution", "InnerProduct"),
    "pad": lambda layer: layer.type in ("Convolution", "Pooling") and "global_pooling" not in str(layer.params),
    "eps": lambda layer: layer.type == "BatchNorm",
    "swap": lambda layer: layer.type == "Convolution",
}
