"""The lowerings, about ten operators a file. Every module of this package is loaded, so a new file needs no list."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules


def load_all() -> None:
    """Import every module of the package: importing a lowering registers it."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
