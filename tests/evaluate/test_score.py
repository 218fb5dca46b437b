"""Counting, against counts made by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from toolkit.evaluate.score import Answers, agreement, best_of, confusion

RNG = np.random.default_rng(0)
LOGITS, LABELS = RNG.normal(size=(200, 7)), RNG.integers(0, 7, 200)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_top_k_is_scikit_learns(count: int) -> None:
    found = Answers(best_of(LOGITS), LABELS).top(count)
    assert found == pytest.approx(top_k_accuracy_score(LABELS, LOGITS, k=count))


def test_confusion_is_scikit_learns() -> None:
    answers = LOGITS.argmax(1)
    np.testing.assert_array_equal(confusion(LABELS, answers, 7), confusion_matrix(LABELS, answers, labels=range(7)))


def test_of_equal_scores_the_first_class_wins() -> None:
    np.testing.assert_array_equal(best_of(np.zeros((1, 7))), [[0, 1, 2, 3, 4]])
    assert best_of(np.eye(3)).shape == (3, 3)


def test_the_worst_classes_say_what_they_are_taken_for() -> None:
    answers = Answers(np.array([[0], [0], [1], [1], [2], [0], [0]]), np.array([0, 0, 1, 1, 1, 2, 2]))
    found = [
        (one.name, one.images, one.recall, one.taken_for, one.times) for one in answers.worst(("a", "b", "c", "d"))
    ]
    assert found == [("c", 2, 0.0, "a", 2), ("b", 3, pytest.approx(2 / 3), "c", 1)]


def test_agreement_counts_wrong_answers_too() -> None:
    ours, theirs = (Answers(np.array(best)[:, None], np.array([0, 1, 1, 2])) for best in ([0, 0, 1, 2], [0, 0, 2, 1]))
    assert agreement(ours, theirs) == 0.5
