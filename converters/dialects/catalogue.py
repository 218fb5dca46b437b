"""A dialect's name, or a chip's file, -> the dialect."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from converters.dialects.base import Dialect
from converters.dialects.known import DIALECTS
from converters.dialects.toml_file import load
from converters.errors import ToolkitError

# Importers and compilers of chips, each described in chips/NAME.toml: those that run here, those whose maker documents
# them, and examples. The sources of each limit stand in the file.
CHIPS = (
    *("openvino", "mnn", "ncnn"),
    *("ascend", "rknn", "tpu-mlir", "horizon-x3", "nnie"),
    *("sigmastar", "tensorrt", "tidl", "vitis-dpu"),
)
NAMES = (*DIALECTS, *CHIPS)
FOLDER = Path(__file__).parent / "chips"


def find(name: str) -> Dialect:
    """Return a dialect by name, or from a TOML file of the user's; ToolkitError where there is none."""
    if name in DIALECTS:
        return DIALECTS[name]
    if name in CHIPS:
        return _chip(name)
    if name.endswith(".toml"):
        return load(Path(name))
    raise ToolkitError(f"unknown dialect '{name}'; known: {', '.join(NAMES)}, or the path of a .toml file")


@cache
def _chip(name: str) -> Dialect:
    return load(FOLDER / f"{name}.toml")
