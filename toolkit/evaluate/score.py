"""Logits and labels -> how often a network is right, which classes it confuses, and how often two agree.

Counting is a few lines of numpy: torchmetrics needs torch, which an evaluation of Caffe files does without, and
scikit-learn would be a large dependency for one bincount.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BEST = 5
WORST = 5  # classes that are listed


@dataclass(frozen=True)
class Confusion:
    """A class, how often it was recognised, and what it was taken for most often when it was not."""

    name: str
    images: int
    recall: float
    taken_for: str
    times: int


@dataclass(frozen=True)
class Answers:
    """The classes that one network puts first, best first, and the true ones: int64 [images, up to 5], [images]."""

    best: np.ndarray
    labels: np.ndarray

    @property
    def first(self) -> np.ndarray:
        """The class that comes first, for each image."""
        found: np.ndarray = self.best[:, 0]
        return found

    def top(self, count: int) -> float:
        """The share of images whose class is among the first `count`."""
        return float((self.best[:, :count] == self.labels[:, None]).any(1).mean())

    def worst(self, classes: tuple[str, ...]) -> list[Confusion]:
        """The classes that are recognised least often, of those that are not always."""
        counts = confusion(self.labels, self.first, len(classes))
        totals, right = counts.sum(1), counts.diagonal()
        recall = right / np.maximum(totals, 1)
        order = [label for label in np.argsort(recall, kind="stable") if totals[label] and recall[label] < 1]
        wrong = counts - np.diag(right)
        return [
            Confusion(
                classes[label],
                int(totals[label]),
                float(recall[label]),
                classes[wrong[label].argmax()],
                int(wrong[label].max()),
            )
            for label in order[:WORST]
        ]


def best_of(logits: np.ndarray) -> np.ndarray:
    """The classes with the highest scores, best first; of equal ones the first: [N, classes] -> [N, up to 5]."""
    return np.argsort(-logits, axis=1, kind="stable")[:, :BEST]


def confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """How often images of a class (row) were given each class (column)."""
    found: np.ndarray = np.bincount(labels * classes + answers, minlength=classes**2).reshape(classes, classes)
    return found


def agreement(ours: Answers, theirs: Answers) -> float:
    """The share of images that both put into the same class, right or wrong."""
    return float((ours.first == theirs.first).mean())
