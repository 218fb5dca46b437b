"""A network in training and one step of it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from converters.errors import Remedy, ToolkitError
from toolkit import models
from toolkit.models.checkpoint import load_into
from toolkit.train import state
from toolkit.train.loader import Batch
from toolkit.train.processes import Place, synchronised
from toolkit.train.recipe import Recipe
from toolkit.train.score import fed


@dataclass
class Run:
    """All that changes during a run. `loss` is the last step's, on the device."""

    recipe: Recipe
    place: Place
    module: nn.Module
    optimiser: torch.optim.SGD
    scaler: torch.amp.GradScaler
    amp: torch.dtype | None
    iteration: int = 0
    best: float = -1.0
    loss: Tensor = field(default_factory=lambda: torch.tensor(math.nan))
    wrapped: nn.Module = field(init=False)

    def __post_init__(self) -> None:
        self.wrapped = DistributedDataParallel(self.module) if self.place.world > 1 else self.module

    def stored(self, classes: tuple[str, ...]) -> dict[str, Any]:
        """Everything that is needed to go on from here."""
        more = {"optimiser": self.optimiser.state_dict(), "scaler": self.scaler.state_dict(), "best": self.best}
        return {**state.weights(self.module, self.recipe, classes, self.iteration), **more}

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint."""
        found = state.read(path)
        self.recipe.need_same(found["recipe"], str(path))
        self.iteration = state.restore(found, self.module, self.optimiser, self.scaler, path)
        self.best = float(found.get("best", -1))

    def number(self) -> float:
        """The last step's loss over all processes; ToolkitError where it is no number any more."""
        value = float(self.place.total(self.loss.clone())) / self.place.world
        if not math.isfinite(value):
            raise ToolkitError(
                f"the loss is {value} at step {self.iteration}: training has diverged",
                Remedy("lower the learning rate, or let it rise over the first epochs", "lr"),
            )
        return value


def begin(recipe: Recipe, place: Place, classes: int, weights: Path | None) -> Run:
    """A fresh run, from random weights or from a checkpoint's."""
    module = models.create(recipe.model, num_classes=classes, image_size=recipe.size, seed=recipe.seed)
    if weights:
        load_into(module, weights, name=recipe.model, other_classes=True)
    if place.world > 1 and recipe.sync_bn:
        module = synchronised(module, place.device)
    module = module.to(place.device).train()
    optimiser = torch.optim.SGD(
        module.parameters(), recipe.lr, recipe.momentum, nesterov=recipe.nesterov, weight_decay=recipe.weight_decay
    )
    amp = _precision(recipe.amp, place.device)
    scaler = torch.amp.GradScaler(place.device.type, enabled=amp is torch.float16)
    return Run(recipe, place, module, optimiser, scaler, amp)


def step(run: Run, batches: Iterator[Batch]) -> None:
    """One update of the weights, from `accumulate` parts of a batch."""
    recipe, parts = run.recipe, run.recipe.accumulate
    _seed(recipe.seed, run.iteration, run.place.rank)
    for group in run.optimiser.param_groups:
        group["lr"] = recipe.rate(run.iteration)
    run.optimiser.zero_grad(set_to_none=True)
    run.loss = torch.zeros((), device=run.place.device)
    for index, (pixels, labels) in enumerate(islice(batches, parts)):
        with ExitStack() as stack:
            if index < parts - 1 and isinstance(run.wrapped, DistributedDataParallel):
                stack.enter_context(run.wrapped.no_sync())
            loss = _loss(run, pixels, labels) / parts
            run.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        run.loss += loss.detach()
    run.scaler.step(run.optimiser)
    run.scaler.update()
    run.iteration += 1


def _loss(run: Run, pixels: Tensor, labels: Tensor) -> Tensor:
    device = run.place.device
    with torch.autocast(device.type, run.amp) if run.amp else nullcontext():
        logits = run.wrapped(fed(pixels, run.recipe, device))
        wanted = labels.to(device, non_blocking=True)
        return nn.functional.cross_entropy(logits, wanted, label_smoothing=run.recipe.label_smoothing)


def _precision(wanted: str, device: torch.device) -> torch.dtype | None:
    """The type of mixed precision; by default only where it is fast."""
    if wanted == "auto":
        wanted = "off" if device.type == "cpu" else "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}[wanted]


def _seed(*numbers: int) -> None:
    """What dropout and the like draw depends on the step alone: a checkpoint need not store any generator's state."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed)
