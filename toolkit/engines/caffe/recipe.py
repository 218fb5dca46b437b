"""What goes into our Caffe: the source, the flags, the libraries, the edits; and where the result is kept."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from toolkit.engines import debian
from toolkit.engines.caffe.patches.edits import EDITS, LEFT_OUT
from toolkit.engines.commands import BuildError

SDIST, VERSION = "brocolli-caffe", "9.0.2"
SHA256 = "c6410cc60bdd6db685d441b66be7df05410f8850ac88d6b75d48ef9b2315c08a"
FLAGS = (
    *("-std=c++14", "-O2", "-fPIC", "-w", "-DNDEBUG", "-DCPU_ONLY", "-DCAFFE_VERSION=1.0.0"),
    "-DBOOST_BIND_GLOBAL_PLACEHOLDERS",
)
LIBRARIES = ("glog", "gflags", "protobuf", "boost_thread", "boost_system", "boost_filesystem", "boost_regex")
LAYERS = Path(__file__).parent / "patches" / "layers"
PYTHON = f"{sys.version_info[0]}{sys.version_info[1]}"


def distribution() -> str:
    """Debian 12 -> 'debian12': the system's protobuf and boost are linked, so another release needs another build."""
    fields = debian.release()
    return fields.get("ID", platform.system().lower()) + fields.get("VERSION_ID", "")


def destination() -> Path:
    """The folder in the user's cache, whose name changes with everything that goes into the build."""
    try:
        numpy_abi = version("numpy").split(".")[0]
    except PackageNotFoundError as error:
        raise BuildError(f"{sys.executable} has no numpy; Caffe's Python module is built against it.") from error
    recipe = hashlib.sha256(repr((SHA256, FLAGS, LIBRARIES, EDITS, LEFT_OUT, platform.machine(), numpy_abi)).encode())
    for layer in sorted(LAYERS.glob("*.cpp")):
        recipe.update(layer.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"caffe-{VERSION}-cp{PYTHON}-{distribution()}-{recipe.hexdigest()[:10]}"
    return cache / "caffe-bridge" / name
