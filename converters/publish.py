"""Files that belong together get their names together: all of them, or none where anything goes wrong on the way."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = ".caffe-bridge-"


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder within `folder`, on the same file system, that goes in the end.

    Folders that a killed process left there go first. A lock tells whose process lives: the system lets go of it when
    the process ends, however it ends, and no process number of another machine or container can be mistaken for it.
    """
    for left in folder.glob(f"{PREFIX}*"):
        _sweep(left)
    made, lock = _locked(folder)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(lock)


def _locked(folder: Path) -> tuple[Path, int]:
    while True:
        made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
        with suppress(FileNotFoundError):  # another process swept it before it was locked
            lock = os.open(made, os.O_RDONLY)
            if _lock(lock) and made.is_dir():
                return made, lock
            os.close(lock)


def _lock(file: int) -> bool:
    """Lock an open folder; False where another process has. A file system without locks is one where nobody sweeps."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _sweep(left: Path) -> None:
    """Remove a folder whose process is gone."""
    with suppress(OSError):
        lock = os.open(left, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        finally:
            os.close(lock)


def publish(files: Mapping[Path, Path]) -> None:
    """Give written files their names, in this order; on an error or a signal the old files are there as before.

    The files lie in one folder of `scratch`. They are on the disk before the first has its name. Between two names a
    process that is killed leaves new files beside old ones: what belongs together must say so itself.
    """
    for file, name in files.items():
        if name.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(name))
        _to_disk(file)
    kept = {name: file.with_name(f"{file.name}.old") for file, name in files.items()}
    try:
        for name, old in kept.items():
            _keep(name, old)
        for file, name in files.items():
            file.replace(name)
    except BaseException:
        for file, name in files.items():
            if not file.exists():
                _restore(name, kept[name])
        raise
    for folder in {name.parent for name in files.values()}:
        _to_disk(folder)


def _keep(name: Path, old: Path) -> None:
    """A second name for a file, or a copy where the file system gives a file but one."""
    if name.exists():
        try:
            os.link(name, old)
        except OSError:
            shutil.copy2(name, old)


def _restore(name: Path, old: Path) -> None:
    if old.exists():
        old.replace(name)
    else:
        name.unlink()


def _to_disk(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
