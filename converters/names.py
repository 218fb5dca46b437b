"""One name everywhere: an ONNX value's name, made safe for every Caffe, is the top's and the layer's."""

from __future__ import annotations

import re

UNSAFE = re.compile(r"[^A-Za-z0-9_./:-]")


def safe(name: str) -> str:
    """The name with "_" for every character that an engine's parser or a file of weights may stumble over."""
    return UNSAFE.sub("_", name) or "blob"
