from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from toolkit.parity.compare import Comparison, compare

FLOATS = st.floats(-1e6, 1e6, width=32)
PAIRS = npst.array_shapes(max_dims=3, max_side=5).flatmap(
    lambda shape: st.tuples(
        npst.arrays(np.float32, shape, elements=FLOATS), npst.arrays(np.float32, shape, elements=FLOATS)
    )
)


def one(reference: np.ndarray, other: np.ndarray, **more: float):
    comparison = compare({"y": reference}, {"y": other}, **more)
    return comparison, comparison.outputs[0]


@given(
    npst.arrays(np.float32, (2, 3), elements=FLOATS),
    npst.arrays(np.float32, (2, 3), elements=st.floats(-0.5, 0.5, width=32)),
)
def test_the_required_tolerance_is_the_threshold(reference: np.ndarray, error: np.ndarray) -> None:
    other = reference * (1 + error)
    _, found = one(reference, other)
    assert 0 <= found.required < 1
    assert one(reference, other, tolerance=found.required)[0].passed
    if found.required:
        assert not one(reference, other, tolerance=math.nextafter(found.required, 0))[0].passed


@given(PAIRS, st.floats(0, 0.999))
def test_passing_is_the_rule_that_is_documented(pair: tuple[np.ndarray, np.ndarray], tolerance: float) -> None:
    reference, other = (array.astype(np.float64) for array in pair)
    distance, allowed = np.abs(reference - other).max(), tolerance * np.abs(reference).max()
    assume(not math.isclose(distance, allowed, rel_tol=1e-12))
    assert one(*pair, tolerance=tolerance)[0].passed == (distance < allowed)


@given(
    npst.arrays(np.float32, npst.array_shapes(), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
)
def test_an_array_equals_itself_with_tolerance_zero(array: np.ndarray) -> None:
    comparison, found = one(array, array.copy(), tolerance=0)
    assert comparison.passed
    assert (found.required, found.max_abs, found.mean_abs) == (0, 0, 0)
    assert found.cosine == pytest.approx(1)


def test_metrics() -> None:
    comparison, found = one(np.float32([[3, -4, 0]]), np.float32([[3, -2, 0]]))
    assert (found.max_abs, found.scale, found.required) == (2, 4, 0.5)
    assert found.mean_abs == pytest.approx(2 / 3)
    assert found.cosine == pytest.approx(17 / (5 * math.sqrt(13)))
    assert comparison.required == 0.5
    assert comparison.reasons == (
        "output 'y': differs by 0.5 of the reference's largest value (2 of 4); 0.0001 is allowed",
    )


def test_top_k_agreement() -> None:
    scores = np.arange(20, dtype=np.float32).reshape(2, 10)
    other = scores.copy()
    other[1, 0] = 99  # one of two rows has another winner, and four of five best in common
    _, found = one(scores, other)
    assert (found.top1, found.top5) == (0.5, pytest.approx(0.9))
    assert one(scores[:, :, None, None], other[:, :, None, None])[1].top1 == 0.5
    assert one(scores[:, :4], other[:, :4])[1].top5 is None  # five of four classes mean nothing
    assert one(scores[0], other[0])[1].top1 is None
    assert one(scores[:, :1], scores[:, :1])[1].top1 is None
    assert one(scores.reshape(2, 5, 2), scores.reshape(2, 5, 2))[1].top1 is None


@pytest.mark.parametrize("reference", [{}, {"y": np.zeros((1, 0), np.float32)}], ids=["no output", "no element"])
def test_nothing_compared_is_a_failure(reference: dict[str, np.ndarray]) -> None:
    comparison = compare(reference, reference)
    assert not comparison
    assert not comparison.passed
    assert comparison.required == math.inf
    assert "nothing was compared" in comparison.reasons[0]


def test_an_empty_comparison_is_false_by_itself() -> None:
    assert not Comparison((), ())


def test_a_missing_output_fails_though_all_the_others_are_equal() -> None:
    comparison = compare({"a": np.ones(2), "b": np.ones(2)}, {"a": np.ones(2)})
    assert not comparison
    assert [found.name for found in comparison.outputs if found.passed] == ["a"]
    assert comparison.reasons == ("output 'b' is missing: there is 'a'",)


def test_an_extra_output_fails_too() -> None:
    comparison = compare({"a": np.ones(2)}, {"a": np.ones(2), "b": np.ones(2)})
    assert not comparison
    assert comparison.reasons == ("output 'b' is extra: the reference has none of that name",)


@pytest.mark.parametrize("shape", [(3, 2), (6,), (1, 6), (6, 1), (1, 2, 3)])
def test_another_shape_fails_even_with_the_same_numbers(shape: tuple[int, ...]) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    comparison = compare({"y": array}, {"y": array.reshape(shape)})
    assert not comparison
    assert comparison.reasons == (f"output 'y': the shape is {shape}, the reference has (2, 3)",)


@pytest.mark.parametrize(
    "values, what",
    [([1, np.nan], "1 NaN"), ([np.inf, -np.inf], "2 infinite"), ([np.nan, np.inf], "1 NaN and 1 infinite")],
)
def test_not_finite_fails_on_either_side_and_on_both(values: list[float], what: str) -> None:
    bad, good = np.float32(values), np.ones(2, np.float32)
    assert compare({"y": good}, {"y": bad}).reasons == (f"output 'y': the other holds {what} of 2 values",)
    assert compare({"y": bad}, {"y": good}).reasons == (f"output 'y': the reference holds {what} of 2 values",)
    both = compare({"y": bad}, {"y": bad})
    assert not both
    assert len(both.reasons) == 2


@pytest.mark.parametrize("wrong", [np.array(["a"]), np.array([1j]), np.array([None])])
def test_what_is_no_number_fails(wrong: np.ndarray) -> None:
    comparison = compare({"y": np.ones(1)}, {"y": wrong})
    assert not comparison
    assert "not real numbers" in comparison.reasons[0]


def test_a_zero_reference_equals_zeros_alone() -> None:
    zeros = np.zeros((2, 3), np.float32)
    assert one(zeros, zeros)[0].passed
    comparison, found = one(zeros, zeros + np.float32(1e-30), tolerance=0.999)
    assert not comparison
    assert found.required == math.inf
    assert comparison.reasons == ("output 'y': the reference is all zeros, the other reaches 1e-30",)


def test_a_dead_engine_does_not_pass_with_any_tolerance() -> None:
    comparison, found = one(np.float32([1, 2]), np.zeros(2, np.float32), tolerance=0.999)
    assert not comparison
    assert (found.required, found.cosine) == (1, 0)


def test_integers_must_be_equal() -> None:
    classes = np.array([20_000, 7])
    comparison, found = one(classes, classes + np.array([1, 0]))
    assert not comparison
    assert found.required == math.inf
    assert comparison.reasons == ("output 'y': the integers differ by up to 1, and must be equal",)
    assert one(classes, classes.astype(np.float32))[0].passed  # Caffe's ArgMax gives floats
    huge = np.array([2**62])
    assert not one(huge, huge + 1)[0].passed  # float64 can't tell these apart


def test_differences_beyond_float64_fail() -> None:
    comparison, found = one(np.array([1e308]), np.array([-1e308]), tolerance=0.999)
    assert not comparison
    assert found.required == math.inf
    assert found.cosine == -1
    assert "differs by inf" in comparison.reasons[0]


def test_each_output_may_have_its_own_tolerance() -> None:
    reference = {"a": np.float32([100, 1]), "b": np.float32([100, 1])}
    other = {name: array + np.float32([0, 0.5]) for name, array in reference.items()}
    comparison = compare(reference, other, tolerances={"b": 1e-2})
    assert [(found.name, found.passed) for found in comparison.outputs] == [("a", False), ("b", True)]
    assert compare(reference, other, tolerances={"a": 1e-2, "b": 1e-2}).passed


def test_a_tolerance_for_an_unknown_output_fails() -> None:
    comparison = compare({"y": np.ones(1)}, {"y": np.ones(1)}, tolerances={"z": 0.1})
    assert not comparison
    assert comparison.reasons == ("a tolerance is given for 'z', which is not an output",)


@pytest.mark.parametrize("tolerance", [1.0, -1e-9, math.nan, math.inf])
def test_a_tolerance_that_would_pass_zeros_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match="within"):
        compare({"y": np.ones(1)}, {"y": np.ones(1)}, tolerance)
    with pytest.raises(ValueError, match="within"):
        compare({"y": np.ones(1)}, {"y": np.ones(1)}, tolerances={"y": tolerance})


def test_names_map_to_other_names() -> None:
    comparison = compare(
        {"a": np.ones(1), "b": np.zeros(1)}, {"p": np.zeros(1), "q": np.ones(1)}, names={"a": "q", "b": "p"}
    )
    assert comparison.passed
    assert [(found.name, found.other_name) for found in comparison.outputs] == [("a", "q"), ("b", "p")]
