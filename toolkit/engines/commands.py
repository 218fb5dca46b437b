"""Running other programs for a build: what they said is in the error where they fail."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from converters.errors import ToolkitError, Word, printable

Say = Callable[[str], None]  # hears of each step, one line at a time


class BuildError(ToolkitError):
    """The build can't go on; the message says why in one sentence and, where there is one, the remedy."""

    exit_code = 2

    def told(self, word: Word = str) -> str:
        """The message, in which what another program said keeps its lines."""
        *lines, last = self.message.split("\n")
        return "\n".join([*map(printable, lines), ToolkitError(last, self.hint).told(word)])


def run(command: Sequence[str | Path], what: str) -> str:
    """Run a command to its end and return what it printed; BuildError with its last lines where it fails."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise BuildError(f"{what} failed: {words[0]}: {error.strerror}") from error
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise BuildError(f"{what} failed:\n{tail}")
    return done.stdout
