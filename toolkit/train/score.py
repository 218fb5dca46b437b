"""How often a network in training is right: top-1 and top-5 on a data set, counted over all processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from toolkit.train.loader import Batch
from toolkit.train.processes import Place
from toolkit.train.recipe import Recipe


@dataclass(frozen=True)
class Score:
    """The share of images whose class came first, and among the first five."""

    images: int
    top1: float
    top5: float


def fed(pixels: Tensor, recipe: Recipe, device: torch.device) -> Tensor:
    """uint8 [N, H, W, 3] -> what the network takes: float32 [N, 3, H, W] in [0, 1], normalised as the recipe says."""
    x = pixels.to(device, non_blocking=True).permute(0, 3, 1, 2).to(torch.float32).div_(255)
    if recipe.mean:
        x = x - torch.tensor(recipe.mean, device=device).view(1, -1, 1, 1)
    if recipe.std:
        x = x / torch.tensor(recipe.std, device=device).view(1, -1, 1, 1)
    return x


def score(module: nn.Module, batches: Iterable[Batch], recipe: Recipe, place: Place) -> Score:
    """Run every batch in eval mode, without gradients, in float32; the module is in training mode again after that."""
    counts = torch.zeros(3, dtype=torch.int64, device=place.device)
    module.eval()
    with torch.inference_mode():
        for pixels, labels in batches:
            logits = module(fed(pixels, recipe, place.device))
            best = logits.topk(min(5, logits.shape[1])).indices == labels.to(place.device)[:, None]
            counts += torch.stack([torch.tensor(len(labels), device=place.device), best[:, 0].sum(), best.sum()])
    module.train()
    images, first, five = place.total(counts).tolist()
    return Score(images, first / images, five / images)
