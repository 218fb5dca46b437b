"""Take raw images: put `(x * scale - mean) / std` and the swap of RGB and BGR into the network, at its input.

They are written as a Scale and a permutation of channels; folding and the elimination of shuffles then move them into
the first convolution where that is exact. Where it pads and the mean is not zero it is not: the Scale stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, build, emit, rebuild
from converters.caffe.net import Net
from converters.errors import ToolkitError


@dataclass(frozen=True)
class Preprocessing:
    """What the network does to a raw image before its first layer, in the network's own order of channels.

    `swap`: the raw image has its channels the other way round (BGR for a network that was trained on RGB).
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    swap: bool = False

    def __bool__(self) -> bool:
        return self != Preprocessing()

    def _vectors(self, channels: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """mean and std, one number a channel."""
        return tuple(  # type: ignore[return-value]
            np.broadcast_to(np.asarray(values or (default,), np.float64), (channels,))
            for values, default in ((self.mean, 0.0), (self.std, 1.0))
        )

    def raw(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The raw image (N, C, H, W) of which the network makes `image`: the inverse, for checks."""
        mean, std = (vector.reshape(1, -1, 1, 1) for vector in self._vectors(image.shape[1]))
        raw = (image.astype(np.float64) * std + mean) / self.scale
        return np.ascontiguousarray(raw[:, ::-1] if self.swap else raw, np.float32)

    def apply(self, x: Blob) -> Blob:
        """The layers, on an input blob."""
        channels = x.shape[1]
        mean, std = self._vectors(channels)
        if self.swap:
            x = layers.concat(1, *reversed(layers.slices(x, 1, range(1, channels))))
        factor, shift = self.scale / std, -mean / std
        if not (factor != 1).any() and not shift.any():
            return x
        bias = shift.astype(np.float32) if shift.any() else None
        return layers.scale(x, factor.astype(np.float32), bias)


def image_input(inputs: Sequence[Blob], wanted: Preprocessing) -> Blob:
    """The one input that preprocessing is meant for; ToolkitError where it is not clear or does not fit."""
    images = [blob for blob in inputs if blob.rank == 4]
    if len(images) != 1:
        raise ToolkitError(
            f"--mean, --std, --scale and --swap-rgb need one image input (N, C, H, W); there are {len(images)}"
        )
    channels = images[0].shape[1]
    for name, values in (("--mean", wanted.mean), ("--std", wanted.std)):
        if len(values) not in (0, 1, channels):
            raise ToolkitError(f"{name} has {len(values)} numbers; the input has {channels} channels")
    if not wanted.scale or not all(wanted.std):
        raise ToolkitError("--scale and --std must not be 0")
    if wanted.swap and channels != 3:
        raise ToolkitError(f"--swap-rgb needs 3 channels; the input has {channels}")
    return images[0]


def preprocess(net: Net, wanted: Preprocessing) -> Net:
    """Return the net with the preprocessing between its image input and everything that reads it."""
    _, inputs = build(net)
    image = image_input(inputs, wanted)
    named: dict[str, Blob] = {}
    reads: dict[str, Blob] = {}
    ends: list[Blob] = []
    for item in net.layers:
        node = rebuild(item, [reads.get(bottom, named[bottom]) for bottom in item.bottoms])
        named.update(zip(item.tops, node.tops, strict=True))
        if item.type == "Input":
            ends.extend(node.tops)
            if item.name == image.node.name:
                reads[item.tops[0]] = wanted.apply(node.tops[0])
    return emit(net.name, named, net.outputs, ends)
