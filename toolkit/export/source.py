"""Where in the user's code something happened, as `File "net.py", line 15, in forward` with no private folder in it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from converters.onnx.notes import Frame, frame_text

_STANDARD_LIBRARY = os.path.dirname(os.__file__)
_OURS = os.path.dirname(__file__)


def is_users(path: str) -> bool:
    """Whether a stack frame of `path` is the model's: not torch's, not this package's, not the standard library's."""
    torch = sys.modules.get("torch")
    others = [_OURS, *(torch.__path__ if torch else ())]
    if "site-packages" not in path:
        others.append(_STANDARD_LIBRARY)
    return not path.startswith(("<", *(folder + os.sep for folder in others)))


def place(path: str, line: int, function: str) -> str:
    """One stack frame as text; the path is relative to the import root, so that files are the same on every machine."""
    roots = [os.path.abspath(root).rstrip(os.sep) + os.sep for root in ("", *sys.path)]
    inside = [root for root in roots if path.startswith(root)]
    short = os.path.relpath(path, max(inside, key=len, default=package_root(path)))
    return frame_text(short, line, function)


def package_root(path: str) -> str:
    """The folder that holds the package of a file: an editable install may be imported from no folder of sys.path."""
    folder = os.path.dirname(path)
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder = os.path.dirname(folder)
    return folder


def innermost(frames: Sequence[Frame]) -> str:
    """The last frame of a stack trace that is the user's, as text; '' for an empty trace."""
    chosen = [frame for frame in frames if is_users(frame[0])] or frames
    return place(*chosen[-1]) if chosen else ""
