"""What is done to a raw image before a network sees it: mean, std, scale and the order of its colours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from converters.errors import ToolkitError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Preprocessing:
    """A raw image x -> `(x * scale - mean) / std`, channel by channel.

    Attributes:
        scale: what every value is multiplied with first.
        mean: one number for all channels, or one for each; none means 0.
        std: the same; none means 1.
        swap: the raw image has its channels the other way round (BGR for a network that was trained on RGB).
    """

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    swap: bool = False

    def __bool__(self) -> bool:
        return self != Preprocessing()

    def __str__(self) -> str:
        """The formula, for people: "(x * 0.00392157 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)"."""
        formula = "x" if self.scale == 1 else f"x * {self.scale:.6g}"
        if self.mean:
            formula = f"({formula} - {_listed(self.mean)})"
        if self.std:
            formula = f"{formula} / {_listed(self.std)}"
        return formula + "; the channels of x are swapped (BGR for a model that takes RGB)" * self.swap

    def check(self, channels: int) -> None:
        """Refuse, by a ToolkitError, numbers that do not fit an image of so many channels or that divide by zero."""
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (0, 1, channels):
                raise ToolkitError(f"the {name} has {len(values)} numbers; the image has {channels} channels")
        if not self.scale or not all(self.std):
            raise ToolkitError("neither the scale nor a std may be 0")
        if self.swap and channels != 3:
            raise ToolkitError(f"RGB and BGR can be swapped in 3 channels; the image has {channels}")

    def factor_and_shift(self, channels: int) -> tuple[Array, Array]:
        """The same as `x * factor + shift`, each with one number a channel: arrays of shape (channels,)."""
        mean, std = self._vectors(channels)
        return self.scale / std, -mean / std

    def normalised(self, image: npt.NDArray[np.float32]) -> Array:
        """`(image * scale - mean) / std` of an image (..., C, H, W), its channels left in their order."""
        mean, std = (vector.reshape(-1, 1, 1) for vector in self._vectors(image.shape[-3]))
        found: Array = (image * self.scale - mean) / std
        return found

    def raw(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The raw image (..., C, H, W) of which a network that preprocesses makes `image`: the inverse, for checks."""
        mean, std = (vector.reshape(-1, 1, 1) for vector in self._vectors(image.shape[-3]))
        found = (image.astype(np.float64) * std + mean) / self.scale
        return np.ascontiguousarray(found[..., ::-1, :, :] if self.swap else found, np.float32)

    def _vectors(self, channels: int) -> tuple[Array, Array]:
        """Mean and std, one number a channel."""
        mean, std = (
            np.broadcast_to(np.asarray(values or (default,), np.float64), (channels,))
            for values, default in ((self.mean, 0.0), (self.std, 1.0))
        )
        return mean, std


def _listed(values: tuple[float, ...]) -> str:
    return "(" + ", ".join(f"{value:g}" for value in values) + ")"
