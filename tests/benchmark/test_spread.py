"""The statistics, on numbers whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from toolkit.benchmark.spread import Ratio, noise, percentile, ratio


def test_percentiles_are_values_that_were_measured() -> None:
    values = [5.0, 1.0, 3.0, 2.0, 4.0]
    assert [percentile(values, percent) for percent in (0, 20, 50, 90, 100)] == [1, 1, 3, 5, 5]


def test_ratio_compares_round_by_round() -> None:
    """The second model is 10 % slower in every round; the machine gets ten times slower from first to last."""
    first = np.linspace(1, 10, 20)
    found = ratio(first * 1.1, first)
    assert found.middle == pytest.approx(1.1)
    assert (found.low, found.high) == pytest.approx((1.1, 1.1))
    assert found.differs


def test_equal_models_do_not_differ() -> None:
    """The interval misses the true ratio in about 5 % of the cases, never in far more."""
    random = np.random.default_rng(0)
    found = [ratio(*random.uniform(1, 2, (2, 20))) for _ in range(400)]
    assert np.mean([one.differs for one in found]) < 0.08
    wide = np.mean([one.high - one.low for one in found])
    narrow = np.mean([(one := ratio(*random.uniform(1, 2, (2, 200)))).high - one.low for _ in range(50)])
    assert narrow < wide / 2, "more rounds tell more"


def test_a_small_difference_is_found_in_enough_rounds() -> None:
    random = np.random.default_rng(1)
    a, b = random.normal(1, 0.02, (2, 40))
    assert ratio(0.96 * a, b).differs
    assert ratio(0.96 * a, b).high < 1


@pytest.mark.parametrize("count", [1, 2, 6, 7])
def test_few_rounds_have_an_interval_of_all(count: int) -> None:
    found = ratio(list(range(1, count + 1)), [1.0] * count)
    assert (found.low, found.high) == (1, count)


def test_noise_is_the_middle_half_of_the_rounds() -> None:
    assert noise([1.0] * 10) == 0
    assert noise([1.0, 1.0, 1.0, 1.0, 50.0]) == 0, "one disturbed round says nothing"
    assert noise([1.0, 1.1, 1.2, 1.3, 1.4]) == pytest.approx(0.2 / 1.2)


def test_ratio_as_json() -> None:
    assert Ratio(0.5, 0.4, 0.6).to_json() == {"median": 0.5, "low": 0.4, "high": 0.6, "differs": True}
    assert not Ratio(0.99, 0.9, 1.1).differs
