"""PyTorch to ONNX to Caffe, with proof: models, export, runners, parity, benchmarks and the command line.

import toolkit
made = toolkit.convert("net.onnx", "out/net")
assert made.proven
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.conversion import Conversion, convert

__all__ = ["Conversion", "__version__", "convert"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`convert` and its result, imported when they are used: `toolkit --help` needs neither."""
    if name in ("Conversion", "convert"):
        from toolkit import conversion

        return getattr(conversion, name)
    raise AttributeError(f"module 'toolkit' has no attribute '{name}'")
