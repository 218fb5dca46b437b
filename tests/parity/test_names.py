from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from toolkit.parity.names import match

NAMES = st.lists(st.text("ab_ :/", min_size=1, max_size=4), unique=True, max_size=5)


@given(NAMES, NAMES)
def test_every_name_is_either_paired_once_or_reported(reference: list[str], other: list[str]) -> None:
    pairs, problems = match(reference, other)
    assert len(set(pairs.values())) == len(pairs)
    assert set(pairs) <= set(reference)
    assert set(pairs.values()) <= set(other)
    assert len(problems) == len(reference) + len(other) - 2 * len(pairs)


@given(NAMES)
def test_equal_names_pair_with_themselves_in_any_order(names: list[str]) -> None:
    assert match(names, names[::-1]) == ({name: name for name in names}, [])


def test_a_name_with_odd_characters_finds_its_blob() -> None:
    assert match(["out put#1", "z"], ["z", "out_put_1"]) == ({"out put#1": "out_put_1", "z": "z"}, [])
    assert match(["z", "out_put_1"], ["out put#1", "z"])[1] == []  # and the other way round


def test_two_names_that_are_one_when_safe_are_not_guessed() -> None:
    pairs, problems = match(["a b", "a#b"], ["a_b", "c"])
    assert pairs == {}
    assert len(problems) == 4


def test_one_output_on_each_side_needs_no_name() -> None:
    assert match(["logits"], ["fc"]) == ({"logits": "fc"}, [])


def test_one_output_against_two_is_not_guessed() -> None:
    pairs, problems = match(["logits"], ["fc", "pool"])
    assert pairs == {}
    assert problems == [
        "output 'logits' is missing: there are 'fc', 'pool'",
        "output 'fc' is extra: the reference has none of that name",
        "output 'pool' is extra: the reference has none of that name",
    ]


def test_the_given_map_comes_first() -> None:
    assert match(["a", "b"], ["a", "b"], {"a": "b", "b": "a"}) == ({"a": "b", "b": "a"}, [])


def test_a_map_to_nowhere_is_a_problem_even_for_single_outputs() -> None:
    pairs, problems = match(["a"], ["b"], {"a": "c"})
    assert pairs == {}
    assert "the name map sends output 'a' to 'c', but there is 'b'" in problems


def test_a_map_that_sends_two_to_one_is_a_problem() -> None:
    pairs, problems = match(["a", "b"], ["c", "d"], {"a": "c", "b": "c"})
    assert pairs == {}
    assert "the name map sends 2 outputs to 'c'" in problems
