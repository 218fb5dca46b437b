"""What a training run is, as data: the published recipe of the ShuffleNet V2 widths is the default."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from converters.errors import ToolkitError

AMP = ("auto", "off", "bf16", "fp16")


@dataclass(frozen=True)
class Recipe:
    """Everything that the weights of a run depend on, apart from the images.

    `batch` is the batch of one step over all processes; each of them works it off in `accumulate` parts. The learning
    rate rises over `warmup` steps and falls linearly to 0 at `iterations`. Images are squares of `size`, RGB in [0, 1],
    half of them mirrored (`flip`), from which `mean` is subtracted and which `std` then divides. `sync_bn`: BatchNorm
    sees the images of all processes.
    """

    model: str = "shufflenet_v2_x0.5"
    size: int = 224
    batch: int = 1024
    accumulate: int = 1
    iterations: int = 300_000
    lr: float = 0.5
    warmup: int = 0
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    flip: bool = True
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    amp: str = "auto"
    sync_bn: bool = True
    seed: int = 0

    def rate(self, iteration: int) -> float:
        """The learning rate of a step."""
        risen = min(1.0, (iteration + 1) / (self.warmup + 1))
        return self.lr * risen * (1 - iteration / self.iterations)

    def part(self, world: int) -> int:
        """How many images one process takes at a time, with `world` processes."""
        parts = world * self.accumulate
        if self.batch % parts:
            raise ToolkitError(
                f"a batch of {self.batch} can't be divided into {world} process(es) x {self.accumulate} part(s)"
            )
        return self.batch // parts

    def to_plain(self) -> dict[str, Any]:
        """Numbers, text and lists, for a checkpoint."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    def need_same(self, stored: dict[str, Any], where: str) -> None:
        """Refuse to go on with what was begun otherwise."""
        ours = self.to_plain()
        for name in sorted(ours.keys() | stored.keys()):
            if ours.get(name) != stored.get(name):
                raise ToolkitError(
                    f"{where} was begun with {name} = {stored.get(name)}, not {ours.get(name)}; "
                    "give the same options to go on, or another folder to start anew"
                )
