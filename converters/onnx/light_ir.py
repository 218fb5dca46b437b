"""Import onnx_ir without sympy, which it needs only to calculate with symbolic dimensions: ours are numbers.

sympy costs half a second and 35 MB. Both modules named below are loaded in full when somebody first uses them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType

LATER = frozenset({"sympy", "onnx_ir._symbolic_shapes"})


class _Deferring:
    """Finds the modules above as Python does, and has them loaded at their first use."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in LATER else None
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


@contextmanager
def _deferred() -> Iterator[None]:
    sys.meta_path.insert(0, _Deferring)
    try:
        yield
    finally:
        sys.meta_path.remove(_Deferring)


with _deferred():
    import onnx_ir  # noqa: F401
