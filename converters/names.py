"""One name everywhere: an ONNX value's name, made safe for every Caffe, is the top's and the layer's."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection

UNSAFE = re.compile(r"[^A-Za-z0-9_./:-]")


def safe(name: str) -> str:
    """The name with "_" for every character that an engine's parser or a file of weights may stumble over."""
    return UNSAFE.sub("_", name) or "blob"


def listed(name: str, known: Collection[str], limit: int = 8) -> str:
    """What a message shows of the names there are: the ones closest to `name`, and how many more."""
    near = difflib.get_close_matches(name, known, limit, cutoff=0) if len(known) > limit else list(known)
    rest = len(known) - len(near)
    return ", ".join(near) + (f" and {rest} more" if rest else "") or "none"
