"""The error of this package."""

from __future__ import annotations

from converters.errors import ToolkitError


class ExportError(ToolkitError):
    """The model is sound in torch but can't be put into ONNX."""

    exit_code = 3
