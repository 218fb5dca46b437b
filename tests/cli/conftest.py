from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from toolkit.cli import main


@pytest.fixture
def toolkit() -> Callable[..., Result]:
    """Run `toolkit WORDS...` in this process."""

    def run(*words: object, command: click.Command = main) -> Result:
        return CliRunner().invoke(command, [str(word) for word in words])

    return run


@pytest.fixture
def as_json() -> Callable[[str], Any]:
    """Read standard JSON: no NaN, no Infinity, one object."""

    def read(text: str) -> Any:
        found = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
        assert isinstance(found, dict)
        return found

    return read
