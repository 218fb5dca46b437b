"""The browser that shows the reports: finding one, and getting one where we may."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from toolkit.engines import debian
from toolkit.engines.commands import BuildError, Say, run

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
GET = "sudo apt-get install chromium, or .venv/bin/playwright install --with-deps chromium"


def find() -> str | None:
    """A Chromium or Chrome on the path, else Playwright's own. It must start: Ubuntu's stub for a snap may not."""
    candidates = (path for name in NAMES if (path := shutil.which(name)))
    return next(filter(_starts, candidates), None) or next(filter(_starts, _playwrights()), None)


def get(say: Say) -> None:
    """Install Chromium, as root on Debian or Ubuntu; BuildError says how to get it elsewhere."""
    if not debian.is_here() or os.geteuid() != 0:
        raise BuildError(f"get it with: {GET}")
    if debian.release().get("ID") == "ubuntu":  # its package is a stub for a snap
        say("installing Playwright's Chromium")
        run([sys.executable, "-m", "playwright", "install", "--with-deps", "chromium"], "playwright install")
    else:
        debian.need(["chromium"], say)


def _starts(path: str) -> bool:
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _playwrights() -> list[str]:
    """Playwright's own Chromium, if it was downloaded."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return []
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return [path] if Path(path).exists() else []
