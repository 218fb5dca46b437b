"""One process or many, as torchrun starts them: who this one is, on which device, and BatchNorm over all of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.nn.functional import all_reduce

from converters.errors import ToolkitError


@dataclass(frozen=True)
class Place:
    """This process among `world` ones, and its device."""

    rank: int = 0
    world: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files."""
        return self.rank == 0

    def total(self, numbers: Tensor) -> Tensor:
        """The sum of a tensor over all processes."""
        if self.world > 1:
            dist.all_reduce(numbers)
        return numbers


@contextmanager
def joined(device: str = "auto") -> Iterator[Place]:
    """Join the processes that torchrun started, or stand alone. `device`: cpu, cuda, or auto (a GPU where one is)."""
    torch.backends.cudnn.deterministic = True  # a run that goes on from a checkpoint must find the same numbers
    local = _local(device)
    gpu = local.type == "cuda"
    if gpu:
        torch.cuda.set_device(local)
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world == 1:
        yield Place(device=local)
        return
    dist.init_process_group("nccl" if gpu else "gloo")
    try:
        yield Place(dist.get_rank(), world, local)
    finally:
        dist.destroy_process_group()


def _local(device: str) -> torch.device:
    """This process's own device: of the GPUs, the one with its number on this machine."""
    present = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "cpu" or (device == "auto" and not present):
        return torch.device("cpu")
    if not present:
        raise ToolkitError("no GPU: this torch sees none; device auto trains on the CPU then")
    number, together = int(os.environ.get("LOCAL_RANK", "0")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if max(number + 1, together) > present:
        raise ToolkitError(f"{together} processes on {present} GPU(s): start one a GPU, or train on the CPU")
    return torch.device("cuda", number)


def synchronised(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with BatchNorms that see the images of all processes. torch's own does so on GPUs alone."""
    if device.type == "cuda":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        return converted
    for name, child in module.named_children():
        if type(child) is nn.BatchNorm2d:
            setattr(module, name, _GlobalBatchNorm.of(child))
        else:
            synchronised(child, device)
    return module


class _GlobalBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d over all processes, which have equally many images; the same keys in the state dict."""

    @classmethod
    def of(cls, old: nn.BatchNorm2d) -> _GlobalBatchNorm:
        """The same parameters and statistics."""
        made = cls(old.num_features, old.eps, old.momentum, old.affine, old.track_running_stats)
        made.load_state_dict(old.state_dict())
        return made.train(old.training)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by mean and variance of the whole batch. Two sums, the second around the mean: no cancellation."""
        if not self.training or self.momentum is None or self.running_mean is None or self.running_var is None:
            return super().forward(x)
        world = dist.get_world_size()
        axes = (0, 2, 3)
        mean = _summed(x.mean(axes)) / world
        variance = _summed((x - mean[:, None, None]).square().mean(axes)) / world
        count = world * x.numel() // x.shape[1]
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1), self.momentum)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
        scale = (variance + self.eps).rsqrt() * self.weight
        normalised: Tensor = x * scale[:, None, None] + (self.bias - mean * scale)[:, None, None]
        return normalised


def _summed(numbers: Tensor) -> Tensor:
    """The sum over all processes; its gradient is the sum of all processes' gradients."""
    found: Tensor = all_reduce(numbers)  # type: ignore[no-untyped-call]
    return found
