"""The lifts, one file a family of layers; importing a file registers what is in it."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules


def load_all() -> None:
    """Import every family, so that the registry is complete."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
