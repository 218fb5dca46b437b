from __future__ import annotations

from pathlib import Path

import click
import pytest

from toolkit.cli import params


def convert(kind: params.Named, text: str) -> tuple[str, object]:
    return kind.convert(text, None, None)


@pytest.mark.parametrize(
    "kind, text, expected",
    [
        (params.SHAPE, "x:1,3,224,224", ("x", (1, 3, 224, 224))),
        (params.SHAPE, "image:0:1x3", ("image:0", (1, 3))),
        (params.RANGE, "x=-1,1.5", ("x", (-1.0, 1.5))),
        (params.RANGE, "a=b=0,255", ("a=b", (0.0, 255.0))),
        (params.BLOB, "logits=fc", ("logits", "fc")),
        (params.TOLERANCE, "1e-3", ("", 1e-3)),
        (params.TOLERANCE, "0", ("", 0.0)),
        (params.TOLERANCE, "y=0.5", ("y", 0.5)),
    ],
)
def test_values(kind: params.Named, text: str, expected: tuple[str, object]) -> None:
    assert convert(kind, text) == expected
    assert kind.convert(expected, None, None) == expected  # click may convert twice


@pytest.mark.parametrize(
    "kind, text, message",
    [
        (params.SHAPE, "1,3,224,224", "not of the form NAME:1,3,224,224"),
        (params.SHAPE, "x:", "not of the form"),
        (params.SHAPE, ":1,3", "not of the form"),
        (params.SHAPE, "x:1,-3", "positive integers"),
        (params.SHAPE, "x:1,0", "positive integers"),
        (params.SHAPE, "x:1,?", "positive integers"),
        (params.SHAPE, "x:1,3.5", "positive integers"),
        (params.RANGE, "x=1", "two numbers LO,HI"),
        (params.RANGE, "x=1,1", "LO < HI"),
        (params.RANGE, "x=0,nan", "'nan' is not a number"),
        (params.RANGE, "x=0,inf", "'inf' is not a number"),
        (params.RANGE, "x=0,1,2", "two numbers"),
        (params.TOLERANCE, "1", "below 1"),
        (params.TOLERANCE, "-0.1", "at least 0"),
        (params.TOLERANCE, "nan", "not a number"),
        (params.TOLERANCE, "y=lots", "'lots' is not a number"),
        (params.ANY_FILE, "x=/nowhere.npy", "there is no file '/nowhere.npy'"),
        (params.ANY_FILE, "x.npy", "there is no file 'x.npy'"),
    ],
)
def test_what_is_no_value_is_a_usage_error(kind: params.Named, text: str, message: str) -> None:
    with pytest.raises(click.BadParameter, match=message):
        convert(kind, text)


def test_a_file_may_hold_an_equals_sign(tmp_path: Path) -> None:
    path = tmp_path / "a=b.npy"
    path.touch()
    assert convert(params.ANY_FILE, f"x={path}") == ("x", path)
    assert convert(params.ANY_FILE, str(path)) == ("", path)


def test_a_name_given_twice_is_refused() -> None:
    assert params.once([("a", 1), ("b", 2)], "--range") == {"a": 1, "b": 2}
    with pytest.raises(click.UsageError, match="--range is given twice for 'a'"):
        params.once([("a", 1), ("a", 1)], "--range")
