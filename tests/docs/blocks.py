"""Fenced blocks of a Markdown file, and whether an output is what a block says, with `...` for what varies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """One fenced block. `line` is where its text begins."""

    language: str
    text: str
    line: int


def blocks(path: Path) -> list[Block]:
    text = path.read_text("utf-8")
    return [Block(one[1], one[2], text.count("\n", 0, one.start(2)) + 1) for one in FENCE.finditer(text)]


def unmet(expected: str, output: str) -> str:
    """The first expected line that the output does not have, after those before it; "" where all are there."""
    rest = [" ".join(line.split()) for line in output.splitlines()]
    for line in filter(None, expected.splitlines()):
        pattern = re.compile(".*".join(re.escape(part) for part in " ".join(line.split()).split("...")))
        place = next((index for index, told in enumerate(rest) if pattern.fullmatch(told)), None)
        if place is None:
            return line
        rest = rest[place + 1 :]
    return ""
