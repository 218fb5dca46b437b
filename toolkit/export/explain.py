"""A failure deep inside torch's exporter -> one sentence, with the user's source line."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator

from toolkit.export.source import is_users, place

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_NO_ONNX_FORM = re.compile(r"No ONNX function found for <OpOverload\(op='([^']+)'")
_PLAIN = ("RuntimeError", "ValueError", "GuardOnDataDependentSymNode")
_KNOWN = {
    "GuardOnDataDependentSymNode": "its control flow depends on the values of a tensor",
    "Constraints violated": "its code fixes a dimension that was to be dynamic; export it without dynamic batch",
}


def explain(error: BaseException) -> str:
    """The innermost reason of an exporter failure in one sentence, with the user's source line where there is one."""
    chain = list(_causes(error))
    texts = [_first_line(cause) for cause in chain]
    if operation := missing_operation(error):
        return f"torch's exporter has no ONNX form for {operation}"
    name, line = texts[-1]
    reason = line if name in _PLAIN else f"{name}: {line}"
    known = next((text for key, text in _KNOWN.items() if any(key in kind + said for kind, said in texts)), "")
    where = next((found for cause in reversed(chain) if (found := _users_line(cause))), "")
    sentence = f"{known} ({reason})" if known else reason
    return f"{sentence}, at {where}" if where else sentence


def missing_operation(error: BaseException) -> str:
    """The torch operation for which the exporter has no ONNX form, as `aten.name`; '' for any other failure."""
    found = (_NO_ONNX_FORM.search(str(cause)) for cause in _causes(error))
    return next((match.group(1) for match in found if match), "")


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)


def _first_line(error: BaseException) -> tuple[str, str]:
    lines = [stripped for line in _ANSI.sub("", str(error)).splitlines() if (stripped := line.strip())]
    return type(error).__name__, lines[0].rstrip(".") if lines else "no reason given"


def _users_line(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if is_users(frame.filename)]
    return place(frames[-1].filename, frames[-1].lineno or 0, frames[-1].name) if frames else ""
