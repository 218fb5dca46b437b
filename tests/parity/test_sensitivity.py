from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.parity.compare import OutputComparison
from toolkit.parity.sensitivity import MOVES, Sensitivity, measure, moved, noise_of_samples


@pytest.mark.parametrize(
    "before, after, distance",
    [
        ([1, 2], [1, 2], 0),
        ([0, 0], [0, 0], 0),
        ([4, 0], [3, 0], 0.25),
        ([3, 0], [4, 0], 0.25),
        ([0, 0], [0, 5], 1),
        ([1, np.nan], [1, np.nan], math.inf),
        ([1, np.inf], [1, np.inf], math.inf),
        ([1], [1, 1], math.inf),
        ([], [], 0),
    ],
)
def test_movement_is_relative_to_the_larger_scale(before: list, after: list, distance: float) -> None:
    assert moved(np.float32(before), np.float32(after)) == distance


def test_the_sample_that_moves_most_counts() -> None:
    y = np.float32([1000, 1])
    outputs = [
        {"y": y, "dead": y},
        {"y": y, "dead": y},
        {"y": y + np.float32([10, 0]), "dead": y + np.float32([0.5, 0])},
    ]
    live, dead = measure(outputs, {"y": 0.5}, ())
    assert (live.name, live.insensitive, live.noise) == ("y", False, 0.5)
    assert (dead.name, dead.insensitive, dead.noise) == ("dead", True, 0)
    assert dead.movement == pytest.approx(0.5 / 1000.5)


def test_the_limit_is_a_thousandth() -> None:
    assert Sensitivity("y", math.nextafter(MOVES, 0), 0).insensitive
    assert not Sensitivity("y", MOVES, 0).insensitive


def test_one_sample_proves_no_movement() -> None:
    assert measure([{"y": np.ones(2)}], {})[0].insensitive


def test_a_declared_constant_need_not_move() -> None:
    (found,) = measure([{"y": np.ones(2)}] * 2, {}, ("y",))
    assert found.constant
    assert not found.insensitive


def test_the_worst_sample_makes_the_noise_floor() -> None:
    outputs = [{"y": np.float64([1, 0])}, {"y": np.float64([2, 0])}]
    after = [{"y": np.float64([1, 0])}, {"y": np.float64([2 - 1e-3, 0])}]
    assert max(noise_of_samples(outputs, after)["y"]) == pytest.approx(5e-4)


@pytest.mark.parametrize(
    "noise, required, explained",
    [(5e-5, 4e-4, False), (2e-4, 1.5e-3, True), (2e-4, 3e-3, False), (2e-4, math.inf, False)],
)
def test_rounding_explains_a_difference_of_its_own_size(noise: float, required: float, explained: bool) -> None:
    difference = OutputComparison("y", "y", (1,), 1e-4, required=required, max_abs=2 * required, scale=2)
    assert Sensitivity("y", 1, noise).explains(difference, 0) == explained


def test_noise_is_told_in_the_references_own_size() -> None:
    assert noise_of_samples([{"y": np.ones(2)}], [{"y": np.float64([1, 22])}]) == {"y": (21,)}
    assert noise_of_samples([{"y": np.zeros(2)}], [{"y": np.ones(2)}]) == {"y": (1,)}
