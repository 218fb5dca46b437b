"""What can go wrong in a conversion, as data: one sentence each, with place and remedy."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

# Control characters, marks that turn the direction of writing, and halves of characters: bytes that were no UTF-8.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with escapes for all that could forge a line, command a terminal or fit no encoding."""
    return UNPRINTABLE.sub(lambda found: ascii(found[0])[1:-1], text)


def listed(name: str, known: Collection[str], limit: int = 8) -> str:
    """What a message shows of the names there are: the ones closest to `name`, and how many more."""
    near = difflib.get_close_matches(name, known, limit, cutoff=0) if len(known) > limit else list(known)
    rest = len(known) - len(near)
    return ", ".join(near) + (f" and {rest} more" if rest else "") or "none"


class Remedy(str):
    """What the user can do, in words, and the setting that does it.

    Attributes:
        setting: what the library calls it: the name of a parameter. A front end adds its own name, a flag say.
        value: what to set it to, where that is known.
    """

    setting: str
    value: str

    def __new__(cls, text: str, setting: str = "", value: str = "") -> Remedy:
        """Make the text a remedy."""
        made = super().__new__(cls, text)
        made.setting, made.value = setting, value
        return made


CUT = Remedy("cut the network before it, at an earlier output", "outputs")
Word = Callable[[str], str]  # a hint -> how a front end words it


@dataclass(frozen=True)
class Problem:
    """One reason why a model can't be converted, and what the user can do about it."""

    op: str
    name: str
    reason: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        return self.told()

    def told(self, word: Word = str) -> str:
        """The problem in a few lines, the hint worded by a front end."""
        lines = [f"{self.op} '{self.name}': {self.reason}"]
        if self.source:
            lines.append(f"    from: {self.source}")
        if self.hint:
            lines.append(f"    hint: {word(self.hint)}")
        return "\n".join(map(printable, lines))


class ToolkitError(Exception):
    """Base of every error that a user can cause; `exit_code` is what the command line returns for it."""

    exit_code = 2

    def __init__(self, message: str = "", hint: str = "") -> None:
        self.message, self.hint = message, hint
        super().__init__(self.told())

    def told(self, word: Word = str) -> str:
        """The message, and behind it the hint, worded by a front end."""
        return printable(f"{self.message}; {word(self.hint)}" if self.hint else self.message)


class Refuted(ToolkitError):
    """What was written does not compute what it should; the files are kept for a closer look."""

    exit_code = 1


class InvalidInput(ToolkitError):
    """The input file is broken, unsafe or not what it should be."""

    exit_code = 4


class ConversionError(ToolkitError):
    """The model is sound but can't be converted; `problems` holds every blocker, not the first alone."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.told())

    def told(self, word: Word = str) -> str:
        """Every blocker, one below the other."""
        head = f"{len(self.problems)} node(s) can't be converted:"
        return "\n".join([head, *(problem.told(word) for problem in self.problems)])


class Unsupported(Exception):
    """Raised inside a lowering or a rewrite; the driver adds the node and turns it into a Problem."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def require(condition: object, reason: str, hint: str = "") -> None:
    """Refuse the node at hand unless `condition` holds."""
    if not condition:
        raise Unsupported(reason, hint)
