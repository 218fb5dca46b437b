"""A data set -> batches of tensors.

The order and every crop are functions of seed, epoch and image alone, so a run can start anywhere and gives the same
batches with any number of workers and processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from converters.errors import InvalidInput, ToolkitError
from toolkit.data.sets import Images
from toolkit.data.views import centre, random_view
from toolkit.train.recipe import Recipe

Place = tuple[int, int]  # epoch, image
Batch = tuple[Tensor, Tensor]  # uint8 [N, size, size, 3], int64 [N]


class Order(Sampler[Place]):
    """The images in the order of training, epoch after epoch, from position `first` to `last`.

    No epoch ends in between: a batch may span two. One of `world` processes takes every `world`-th image.
    """

    def __init__(self, images: int, seed: int, first: int, last: int, rank: int = 0, world: int = 1) -> None:
        self.images, self.seed, self.positions = images, seed, range(first + rank, last, world)

    def __len__(self) -> int:
        return len(self.positions)

    def __iter__(self) -> Iterator[Place]:
        current, shuffled = -1, np.empty(0, np.int64)
        for position in self.positions:
            epoch, place = divmod(position, self.images)
            if epoch != current:
                current, shuffled = epoch, np.random.default_rng([self.seed, epoch]).permutation(self.images)
            yield epoch, int(shuffled[place])


class Views(Dataset[Any]):
    """What the network sees of an image: with a recipe a random square of it, for training; else the middle."""

    def __init__(self, images: Images, size: int, recipe: Recipe | None = None) -> None:
        self.images, self.size, self.recipe = images, size, recipe

    def __getitem__(self, place: Place) -> tuple[np.ndarray, int] | InvalidInput:
        """The pixels and the label; a broken image is returned as its error, which pickling would spoil if raised."""
        epoch, index = place
        try:
            found = self.images.read(index)
            if self.recipe is None:
                return centre(found.image, self.size), found.label
            rng = np.random.default_rng([self.recipe.seed, epoch, index])
            return random_view(found.image, self.size, rng, self.recipe.flip), found.label
        except InvalidInput as error:
            return error


def training(images: Images, recipe: Recipe, first: int, rank: int, world: int, workers: int) -> DataLoader[Any]:
    """Batches for one process, from step `first` to the recipe's end."""
    order = Order(len(images), recipe.seed, first * recipe.batch, recipe.iterations * recipe.batch, rank, world)
    return _loader(Views(images, recipe.size, recipe), order, recipe.part(world), workers)


def evaluation(images: Images, recipe: Recipe, rank: int, world: int, workers: int) -> DataLoader[Any]:
    """Every `world`-th image once, in order."""
    places = [(0, index) for index in range(rank, len(images), world)]
    return _loader(Views(images, recipe.size), places, recipe.part(world), workers)


def batches(loader: DataLoader[Any]) -> Iterator[Batch]:
    """The loader's batches; a broken image, or a worker that it killed, is one clear error."""
    made = iter(loader)
    while True:
        try:
            batch = next(made, None)
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise ToolkitError(f"a process that reads images died: {str(error).splitlines()[0]}") from error
        if batch is None:
            return
        if isinstance(batch, InvalidInput):
            raise batch
        yield batch


def _loader(views: Views, order: Any, part: int, workers: int) -> DataLoader[Any]:
    return DataLoader(
        views,
        batch_size=part,
        sampler=order,
        num_workers=workers,
        collate_fn=_together,
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context="spawn" if workers else None,  # a fork copies locks that torch's threads may hold
        persistent_workers=workers > 0,
        worker_init_fn=_alone,
        generator=torch.Generator(),  # or it draws from the one that dropout uses, whenever it is started
    )


def _alone(worker: int) -> None:
    torch.set_num_threads(1)


def _together(samples: Sequence[tuple[np.ndarray, int] | InvalidInput]) -> Batch | InvalidInput:
    broken = next((one for one in samples if isinstance(one, InvalidInput)), None)
    if broken is not None:
        return broken
    pixels, labels = zip(*samples, strict=True)
    return torch.from_numpy(np.stack(pixels)), torch.tensor(labels)
