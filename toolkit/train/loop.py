"""Images and a recipe -> a trained network, saved, scored and logged on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from converters.errors import Remedy, ToolkitError
from toolkit.data.sets import Images
from toolkit.train import loader, state
from toolkit.train.log import Log
from toolkit.train.processes import Place
from toolkit.train.recipe import Recipe
from toolkit.train.run import Run, begin, step
from toolkit.train.score import Score, score


@dataclass(frozen=True)
class Schedule:
    """When a run is saved, scored and logged, in steps, and how many processes read images.

    None of it changes the weights.
    """

    save_every: int = 1000
    score_every: int = 5000
    log_every: int = 20
    workers: int = 1


@dataclass(frozen=True)
class Watch:
    """Who is told of progress: images done and in all; and what was scored at a step."""

    on_step: Callable[[int, int], None] = lambda done, total: None
    on_score: Callable[[int, Score], None] = lambda iteration, found: None


@dataclass(frozen=True)
class Result:
    """What a run came to; `score` where there were images to score it on, `loss` where there were steps to do."""

    iteration: int
    loss: float | None
    score: Score | None
    images_per_second: float


def train(
    recipe: Recipe,
    images: Images,
    folder: Path,
    validation: Images | None = None,
    weights: Path | None = None,
    schedule: Schedule | None = None,
    place: Place | None = None,
    watch: Watch | None = None,
) -> Result:
    """Train until the recipe ends, with all files in `folder`; a run that is there goes on.

    `weights` is a checkpoint to start from; where its classes are others, the classifier starts anew. Raises
    ToolkitError where the loss is no number any more, or the run in `folder` was begun with another recipe.
    """
    schedule, place, watch = schedule or Schedule(), place or Place(), watch or Watch()
    folder.mkdir(parents=True, exist_ok=True)
    run = begin(recipe, place, len(images.classes), weights)
    if (folder / state.LAST).exists():
        run.resume(folder / state.LAST)
    one = (place.rank, place.world, schedule.workers)
    feed = loader.training(images, recipe, run.iteration, *one)
    check = loader.evaluation(validation, recipe, *one) if validation else None
    try:
        with Log(folder / "logs" if place.first else None, run.iteration) as log:
            return _loop(run, _Files(folder, images.classes, schedule, log), loader.batches(feed), check, watch)
    except torch.OutOfMemoryError as error:
        raise ToolkitError(
            f"{recipe.part(place.world)} images at a time do not fit into the GPU",
            Remedy("gather the gradients of more and smaller batches", "accumulate"),
        ) from error


@dataclass(frozen=True)
class _Files:
    """Where a run's files go, and when."""

    folder: Path
    classes: tuple[str, ...]
    schedule: Schedule
    log: Log


def _loop(
    run: Run, files: _Files, batches: Iterable[loader.Batch], check: DataLoader[Any] | None, watch: Watch
) -> Result:
    recipe, when, source = run.recipe, files.schedule, iter(batches)
    first, began = run.iteration, time.monotonic()
    loss: float | None = None
    scored: Score | None = None

    def speed() -> float:
        return (run.iteration - first) * recipe.batch / max(time.monotonic() - began, 1e-9)

    while run.iteration < recipe.iterations:
        step(run, source)
        done, last = run.iteration, run.iteration == recipe.iterations
        if done % when.log_every == 0 or last:
            loss = run.number()
            files.log.write(done, loss=loss, rate=recipe.rate(done - 1), images_per_second=speed())
        watch.on_step(done * recipe.batch, recipe.iterations * recipe.batch)
        if check is not None and (done % when.score_every == 0 or last):
            scored = _scored(run, files, check)
            watch.on_score(done, scored)
        if run.place.first and (done % when.save_every == 0 or last):
            state.save(run.stored(files.classes), files.folder / state.LAST)
    if check is not None and scored is None:  # the run had ended before
        scored = score(run.module, loader.batches(check), recipe, run.place)
    return Result(run.iteration, loss, scored, speed())


def _scored(run: Run, files: _Files, check: DataLoader[Any]) -> Score:
    """The score on the validation images; the weights are kept where they are the best so far."""
    found = score(run.module, loader.batches(check), run.recipe, run.place)
    files.log.write(run.iteration, top1=found.top1, top5=found.top5)
    if found.top1 > run.best:
        run.best = found.top1
        if run.place.first:
            kept = state.weights(run.module, run.recipe, files.classes, run.iteration)
            state.save(kept, files.folder / state.BEST)
    return found
