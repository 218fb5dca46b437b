"""What a file may say as the value of a limit; ValueError, in words for the user, where it says something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from converters.dialects.base import Check

Maker = Callable[[Any], Check]


def whole(value: Any, least: int = 1) -> int:
    """A whole number, at least 1 or 0."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ValueError(f"must be a whole number {'above 0' if least else 'from 0 on'}, not {value!r}")
    return value


def whole_numbers(value: Any) -> tuple[int, ...]:
    """A list of whole numbers above 0."""
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be a list of whole numbers, not {value!r}")
    return tuple(map(whole, value))


def true(value: Any) -> None:
    """A limit that is there or not: what is not limited is left out."""
    if value is not True:
        raise ValueError(f"can only be true, not {value!r}; leave it out where there is no such limit")
