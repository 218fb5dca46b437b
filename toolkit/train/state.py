"""The files of a run: `last.pth`, from which it goes on bit for bit, and `best.pth`, the best weights so far."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from converters.errors import InvalidInput
from toolkit.models import container
from toolkit.train.recipe import Recipe

LAST, BEST = "last.pth", "best.pth"


def weights(module: nn.Module, recipe: Recipe, classes: tuple[str, ...], iteration: int) -> dict[str, Any]:
    """What a checkpoint says of a network: its weights under "model", and what is needed to use them."""
    return {"model": module.state_dict(), "recipe": recipe.to_plain(), "classes": list(classes), "iteration": iteration}


def save(found: Mapping[str, Any], path: Path) -> None:
    """Write a checkpoint so that at any moment, power cuts included, the old or the new one is there whole."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".checkpoint-") as scratch:
        whole = Path(scratch, path.name)
        with whole.open("wb") as file:
            torch.save(dict(found), file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(whole, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(path: Path) -> dict[str, Any]:
    """A checkpoint of ours, without running code that hides in it."""
    container.check(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken or hostile file can make a parser raise anything
        raise InvalidInput(f"{path} is not a readable checkpoint: {str(error).splitlines()[0]}") from error
    if not isinstance(found, dict) or not {"model", "recipe", "classes", "iteration"} <= found.keys():
        raise InvalidInput(f"{path} is not a checkpoint of `toolkit train`")
    return found


def restore(found: dict[str, Any], module: nn.Module, optimiser: Optimizer, scaler: Any, where: Path) -> int:
    """Put a checkpoint back and return the iteration to go on with."""
    try:
        module.load_state_dict(found["model"])
        optimiser.load_state_dict(found["optimiser"])
        scaler.load_state_dict(found["scaler"])
        return int(found["iteration"])
    except (KeyError, ValueError, RuntimeError, TypeError) as error:
        raise InvalidInput(f"{where} can't be gone on with: {str(error).splitlines()[0]}") from error
