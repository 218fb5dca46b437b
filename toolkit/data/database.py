"""Opening LMDB files: probed in another process first, then one environment a process, read-only."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from converters.errors import InvalidInput, ToolkitError
from toolkit.data import probe

HOW_TO_GET = "pip install 'caffe-bridge-toolkit[train]' (or: pip install lmdb Pillow)"
PROBE_SECONDS = 600


@dataclass(frozen=True)
class Contents:
    """What a database holds, as the probe saw it; `meta` is empty where the database is not one of ours."""

    entries: int
    meta: str
    first: bytes


def lmdb() -> Any:
    """The lmdb package, which is optional to install."""
    try:
        import lmdb as package
    except ImportError as error:
        raise ToolkitError(f"LMDB data sets need lmdb: {HOW_TO_GET}") from error
    return package


def contents(folder: Path) -> Contents:
    """Look into the database at `folder`; InvalidInput where it is broken."""
    lmdb()
    command = [sys.executable, probe.__file__, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PROBE_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(f"{folder} could not be read through within {PROBE_SECONDS} s") from error
    if done.returncode:
        raise InvalidInput(f"{folder} is a broken LMDB file: reading it ended with code {done.returncode}")
    found = json.loads(done.stdout)
    if "error" in found:
        raise InvalidInput(f"{folder} is a broken LMDB file: {found['error']}")
    return Contents(found["entries"], found["meta"] if found["ours"] else "", base64.b64decode(found["first"]))


def environment(folder: Path) -> Any:
    """The database, opened read-only, once a process: lmdb allows no second time, nor use behind a fork."""
    state = (folder / "data.mdb").stat()
    return _opened(str(folder.resolve()), os.getpid(), (state.st_ino, state.st_size, state.st_mtime_ns))


@lru_cache(maxsize=8)
def _opened(folder: str, process: int, state: tuple[int, ...]) -> Any:
    """`process` and `state` are part of the key: a forked process, or another file of that name, opens anew."""
    return lmdb().open(folder, readonly=True, lock=False, create=False, readahead=False, max_readers=1024)
