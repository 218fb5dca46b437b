"""What a machine must have to build Caffe: Debian's packages, and a Python that its Boost.Python is for."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

from toolkit.engines import debian
from toolkit.engines.caffe.recipe import PYTHON
from toolkit.engines.commands import BuildError, Say, run

PACKAGES = (
    *("g++", "libboost-filesystem-dev", "libboost-python-dev", "libboost-regex-dev", "libboost-system-dev"),
    *("libboost-thread-dev", "libgflags-dev", "libgoogle-glog-dev", "libhdf5-dev", "libopenblas-dev"),
    *("libprotobuf-dev", "protobuf-compiler"),
)
DEBIANS_PYTHON = Path("/usr/bin/python3")


def need_all(say: Say) -> None:
    """Install what is missing, as root on Debian; BuildError says what is missing where that can't be done."""
    if debian.is_here():
        need_debians_python()
        debian.need(PACKAGES, say)
    need_python_match()


def library_folder() -> Path:
    """Where the compiler looks for the system's libraries."""
    return Path("/usr/lib") / run(["g++", "-print-multiarch"], "g++ -print-multiarch").strip()


def need_debians_python() -> None:
    """Debian's Boost.Python is for Debian's Python: refuse another one before anything is installed."""
    if not DEBIANS_PYTHON.exists():
        return
    program = "import sys; print(*sys.version_info[:2], sep='')"
    found = subprocess.run([str(DEBIANS_PYTHON), "-c", program], capture_output=True, text=True, check=False)
    if found.returncode == 0 and found.stdout.strip() != PYTHON:
        raise _other_python(dotted(found.stdout.strip()))


def need_python_match() -> None:
    """Boost.Python is built for one Python version; a module linked with another crashes on import."""
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not header.exists():
        raise BuildError(f"{header} is missing; install Python's headers with:\n  sudo apt-get install {HEADERS}")
    if not (library_folder() / f"libboost_python{PYTHON}.so").exists():
        there = sorted(path.stem[len("libboost_python") :] for path in library_folder().glob("libboost_python3*.so"))
        raise _other_python(", ".join(map(dotted, there)) or "(none)")


def dotted(version: str) -> str:
    """'311' -> '3.11'."""
    return f"{version[0]}.{version[1:]}"


def _other_python(there: str) -> BuildError:
    return BuildError(
        f"this system's Boost.Python is for Python {there}, not {dotted(PYTHON)}; "
        "build it from a virtual environment of that Python."
    )


HEADERS = f"python{dotted(PYTHON)}-dev"
