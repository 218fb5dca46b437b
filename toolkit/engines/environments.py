"""Engines that are packages of PyPI which clash with ours: each gets a Python environment of its own."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from toolkit.engines.commands import BuildError, Say, run
from toolkit.runners.environment import Environment


def build(environment: Environment, say: Say, source: Path | None = None, jobs: int | None = None) -> Path:
    """Make the environment of an engine unless it is there; return its folder. BuildError says what is in the way.

    It is made beside its place and moved there when it is whole; pip's own settings say where packages come from, so
    there is no `source` and there are no `jobs`.
    """
    if source or jobs:
        raise BuildError(f"{environment.engine} is not compiled: its packages come from PyPI as they are")
    target = environment.folder
    if (target / "bin" / "python").exists():
        return target
    if sys.version_info[1] not in environment.pythons:
        able = " or ".join(f"3.{minor}" for minor in environment.pythons)
        raise BuildError(
            f"{environment.title} {environment.version} has packages for Python {able} alone: "
            f"run this with one, or set {environment.variable} to a Python that has it"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=target.parent) as scratch:
        folder = Path(scratch) / "environment"
        run([sys.executable, "-m", "venv", "--without-pip", folder], "making an environment")
        python = folder / "bin" / "python"
        say(f"fetching {' '.join(environment.packages)}")
        options = ["--python", str(python), "--disable-pip-version-check"]
        packages = ["install", "-q", "--no-deps", *environment.packages]
        run([sys.executable, "-m", "pip", *options, *packages], f"installing {environment.title}")
        if environment.program:
            run([python, "-E", "-c", environment.program], f"setting up {environment.title}")
        _move_scripts(folder, target)
        try:
            folder.rename(target)
        except OSError as error:
            if not target.exists():  # else someone else made the same at the same time
                raise BuildError(f"{target} can't be written: {error.strerror}") from error
    return target


def _move_scripts(folder: Path, to: Path) -> None:
    """Let the programs of an environment (`mo`, say) name the Python that will be beside them."""
    old, new = (str(place).encode() for place in (folder, to))
    for path in (folder / "bin").iterdir():
        if not path.is_symlink() and old in (text := path.read_bytes()):
            path.write_bytes(text.replace(old, new))
