"""The browser that shows the reports: finding one, and getting one where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from toolkit.engines import debian
from toolkit.engines.commands import BuildError, Say, run

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GET = "sudo apt-get install chromium libatomic1, or .venv/bin/playwright install --with-deps chromium"


def find() -> str | None:
    """A Chromium or Chrome on the path, else Playwright's own; None where it or Playwright does not start.

    Ubuntu's package may be a stub for a snap, and Playwright's driver lacks libraries on a bare system.
    """
    own = _playwrights()
    candidates = (path for name in NAMES if (path := shutil.which(name)))
    return own and next(filter(_starts, (*candidates, own)), None)


def get(say: Say) -> None:
    """Install Chromium, as root on Debian or Ubuntu; BuildError says how to get it elsewhere."""
    if not debian.is_here() or os.geteuid() != 0:
        raise BuildError(f"get it with: {GET}")
    ubuntu = debian.release().get("ID") == "ubuntu"  # its package `chromium` is a stub for a snap
    debian.need(["libatomic1"] if ubuntu else ["chromium", "libatomic1"], say)
    if ubuntu:
        say("installing Playwright's Chromium")
        run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], "playwright install")


def _starts(path: str) -> bool:
    return bool(_said(path, "--version"))


def _playwrights() -> str | None:
    """Where Playwright keeps a Chromium of its own, be it there or not; None where its driver does not start."""
    program = "from playwright.sync_api import sync_playwright as s\nwith s() as p: print(p.chromium.executable_path)"
    return _said(sys.executable, "-c", program)


def _said(*command: str) -> str | None:
    """What a program printed; None where it can't be run or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
