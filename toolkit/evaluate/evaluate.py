"""Networks and a data set -> what each of them answers, engine after engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import Remedy, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.data.sets import Images
from toolkit.evaluate.feeding import batches, form_of
from toolkit.evaluate.score import BEST, Answers, agreement, best_of
from toolkit.runners.base import Load, Runner, Target

Step = Callable[[int, int], None]


@dataclass(frozen=True)
class Contestant:
    """A network in an engine, and what is done to RGB in [0, 1] before it is fed."""

    runtime: str
    target: Target
    preprocessing: Preprocessing = field(default_factory=Preprocessing)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        weights = f",{self.target.weights.name}" if self.target.weights and self.runtime == "torch" else ""
        return f"{Path(self.target.path).name}{weights}"


@dataclass(frozen=True)
class Entry:
    """What one contestant answered, by which engine, and how fast."""

    contestant: Contestant
    version: str
    answers: Answers
    images_per_second: float


@dataclass(frozen=True)
class Evaluation:
    """All entries on one data set."""

    images: Images
    entries: tuple[Entry, ...]

    def differing(self) -> list[int]:
        """The images that not all contestants put into the same class."""
        first = np.stack([entry.answers.first for entry in self.entries])
        return [int(index) for index in np.flatnonzero((first != first[0]).any(0))]

    def to_json(self) -> dict[str, Any]:
        """Plain data for `--json` and the page."""
        classes = self.images.classes
        return {
            "data": str(self.images.path),
            "images": len(self.images),
            "classes": list(classes),
            "targets": [
                {
                    "runtime": entry.contestant.runtime,
                    "model": entry.contestant.name,
                    "version": entry.version,
                    "top1": entry.answers.top(1),
                    "top5": entry.answers.top(BEST),
                    "images_per_second": entry.images_per_second,
                    "worst_classes": [asdict(one) for one in entry.answers.worst(classes)],
                }
                for entry in self.entries
            ],
            "agreement": [[agreement(a.answers, b.answers) for b in self.entries] for a in self.entries],
            "differing": [self.images.read(index).name for index in self.differing()],
        }


def evaluate(
    contestants: Sequence[Contestant],
    images: Images,
    load: Load,
    size: int | None = None,
    batch: int = 32,
    on_step: Step = lambda done, total: None,
) -> Evaluation:
    """Run every contestant on every image. `size` and `batch` are for networks that leave theirs open."""
    if not contestants:
        raise ToolkitError("none of the targets can run here")
    entries = []
    for place, one in enumerate(contestants):

        def step(done: int, before: int = place * len(images)) -> None:
            on_step(before + done, len(contestants) * len(images))

        with load(one.runtime, one.target) as runner:
            entries.append(_entry(one, runner, images, size, batch, step))
    return Evaluation(images, tuple(entries))


def _entry(
    one: Contestant, runner: Runner, images: Images, size: int | None, batch: int, on_step: Callable[[int], None]
) -> Entry:
    form = form_of(runner.inputs, size, batch, one.preprocessing, one.name)
    best, labels, done, began = [], [], 0, time.perf_counter()
    for pixels, truth in batches(images, form):
        logits = _logits(runner.run({form.name: pixels}), len(pixels), len(images.classes), one.name)
        best.append(best_of(logits[: len(truth)]))
        labels.append(truth)
        done += len(truth)
        on_step(done)
    speed = done / max(time.perf_counter() - began, 1e-9)
    return Entry(one, runner.version, Answers(np.concatenate(best), np.concatenate(labels)), speed)


def _logits(outputs: Mapping[str, np.ndarray], batch: int, classes: int, who: str) -> np.ndarray:
    """The one output as [N, classes]."""
    if len(outputs) != 1:
        hint = Remedy("say which are the scores", "outputs")
        raise ToolkitError(f"{who} has the outputs {', '.join(outputs)}", hint)
    (found,) = outputs.values()
    if found.shape[:1] != (batch,) or found.size != batch * classes:
        raise ToolkitError(
            f"{who} answers {list(found.shape)} to {batch} images; there are {classes} classes in the data set",
            Remedy("if the network knows more, name them all, in its order", "classes", "FILE"),
        )
    if not np.isfinite(found).all():
        raise ToolkitError(f"{who} answers with numbers that are not finite")
    return found.reshape(batch, classes)
