"""Where and with what a check was run."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from datetime import datetime, timezone
from typing import Any

PACKAGES = (
    *("caffe-bridge-toolkit", "numpy", "onnx", "onnx-ir", "onnxruntime", "protobuf"),
    *("opencv-python-headless", "opencv-python", "torch", "onnxscript"),
)


def describe() -> dict[str, Any]:
    """Machine, Python and the versions of the packages that compute; plain data."""
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "host": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "python": platform.python_version(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "command": " ".join([_program(), *sys.argv[1:]]),
    }


def _program() -> str:
    """As it is called on a command line; `python -m toolkit` sets the name of the file in it."""
    name = os.path.basename(sys.argv[0])
    return "toolkit" if name == "__main__.py" else name


def processor() -> str:
    """The processor's name as Linux knows it; what Python says elsewhere."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
