"""The ONNX operator sets that can be written."""

from __future__ import annotations

from converters.errors import ToolkitError

# torch's exporter writes this one itself; every other one is a conversion (see change_opset.py). onnxruntime reads it
# since 1.14 (2023), OpenCV since 4.8.
NATIVE_OPSET = 18
DEFAULT_OPSET = NATIVE_OPSET
OPSETS = range(11, 24)


def check_opset(opset: int) -> None:
    """Refuse what can't be written, naming the range."""
    if opset not in OPSETS:
        raise ToolkitError(f"opset {opset} can't be written; choose one from {OPSETS[0]} to {OPSETS[-1]}")
