"""What a shell offers for names that are no files: dialects and models."""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

FILE = "file"  # the shell adds the files that fit


def dialects(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The dialects that begin so, and files: a chip of one's own is a .toml file."""
    from converters.dialects import NAMES

    return _offered(NAMES, incomplete)


def models(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The models that begin so, and files: a model of one's own is FILE.py:FUNCTION."""
    from importlib.util import find_spec

    from toolkit.models import available

    return _offered(available() if find_spec("torch") else (), incomplete)


def _offered(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    found = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    return [*found, CompletionItem(incomplete, FILE)]
