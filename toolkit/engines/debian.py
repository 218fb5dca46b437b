"""Packages of Debian and its children: which are missing, and installing them where we may."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from toolkit.engines.commands import BuildError, Say, run


def release() -> dict[str, str]:
    """The fields of /etc/os-release, such as ID and VERSION_ID; none where there is no such file."""
    path = Path("/etc/os-release")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


def is_here() -> bool:
    """Whether packages are managed by dpkg."""
    return shutil.which("dpkg-query") is not None


def installed(package: str) -> bool:
    """Whether dpkg has the package."""
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout == "install ok installed"


def need(packages: Sequence[str], say: Say) -> None:
    """Install what is missing of the packages, as root; BuildError with the command for root where we are not."""
    missing = [package for package in packages if not installed(package)]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise BuildError(f"{len(missing)} package(s) are missing; install them with:\n  sudo {shlex.join(install)}")
    say(f"installing {' '.join(missing)}")
    run(["apt-get", "update"], "apt-get update")
    run(["env", "DEBIAN_FRONTEND=noninteractive", *install], "apt-get install")
