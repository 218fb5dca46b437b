"""A dialect's name, or a chip's file, -> the dialect."""

from __future__ import annotations

from pathlib import Path

from converters.dialects.base import Dialect
from converters.dialects.known import DIALECTS
from converters.dialects.toml_file import load
from converters.errors import ToolkitError


def find(name: str) -> Dialect:
    """Return a dialect by name, or from a TOML file of the user's; ToolkitError where there is none."""
    if name in DIALECTS:
        return DIALECTS[name]
    if name.endswith(".toml"):
        return load(Path(name))
    known = ", ".join(DIALECTS)
    raise ToolkitError(f"unknown dialect '{name}'; known: {known}, or the path of a .toml file")
