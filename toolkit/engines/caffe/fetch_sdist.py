"""Fetch one sdist without running its set-up code, which `pip download` would do to learn its dependencies.

pip's own finder and session are used, so its configured index, mirrors, proxies and certificates all apply.
Run as `python fetch_sdist.py NAME VERSION SHA256 FILE`.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from typing import Any


def fetch(name: str, version: str, sha256: str, target: Path) -> None:
    """Write the sdist of NAME VERSION to `target`, or exit with one sentence; the hash is checked before anything."""
    try:
        from pip._internal.commands import create_command
        from pip._vendor.requests.exceptions import RequestException
    except ImportError:
        sys.exit(
            f"{sys.executable} has no pip; download the sdist of {name} {version} by hand and give it as --source."
        )
    command: Any = create_command("download")
    options, _ = command.parse_args(["--no-deps", "--no-binary", ":all:", "--quiet", "--quiet", name])
    with command.main_context():
        session = command.get_default_session(options)
        finder = command._build_package_finder(options, session)
        links = [found.link for found in finder.find_all_candidates(name) if str(found.version) == version]
        if not links:
            sys.exit(f"pip's index offers no sdist of {name} {version}; is the index reachable (pip config list)?")
        try:
            answer = session.get(links[0].url_without_fragment, headers={"Accept-Encoding": "identity"})
            answer.raise_for_status()
        except RequestException as error:
            sys.exit(f"{links[0].url_without_fragment} can't be fetched: {error}")
    if (got := hashlib.sha256(answer.content).hexdigest()) != sha256:
        sys.exit(f"{name} {version} has sha256 {got}, expected {sha256}; it is not the file that was pinned.")
    target.write_bytes(answer.content)


if __name__ == "__main__":
    fetch(sys.argv[1], sys.argv[2], sys.argv[3], Path(sys.argv[4]))
