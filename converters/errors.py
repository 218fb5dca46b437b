"""What can go wrong in a conversion, as data: one sentence each, with place and remedy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One reason why a model can't be converted, and what the user can do about it."""

    op: str
    name: str
    reason: str
    hint: str = ""
    source: str = ""

    def __str__(self) -> str:
        lines = [f"{self.op} '{self.name}': {self.reason}"]
        if self.source:
            lines.append(f"    from: {self.source}")
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class ToolkitError(Exception):
    """Base of every error that a user can cause; `exit_code` is what the command line returns for it."""

    exit_code = 2


class InvalidInput(ToolkitError):
    """The input file is broken, unsafe or not what it should be."""

    exit_code = 4


class ConversionError(ToolkitError):
    """The model is sound but can't be converted; `problems` holds every blocker, not the first alone."""

    exit_code = 3

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(str(self))

    def __str__(self) -> str:
        head = f"{len(self.problems)} node(s) can't be converted:"
        return "\n".join([head, *map(str, self.problems)])


class Unsupported(Exception):
    """Raised inside a lowering or a rewrite; the driver adds the node and turns it into a Problem."""

    def __init__(self, reason: str, hint: str = "") -> None:
        super().__init__(reason)
        self.reason, self.hint = reason, hint


def require(condition: object, reason: str, hint: str = "") -> None:
    """Refuse the node at hand unless `condition` holds."""
    if not condition:
        raise Unsupported(reason, hint)
