"""A checkpoint's file -> whether it can be one at all, before a parser sees it and takes memory for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

from converters.errors import InvalidInput
from toolkit.limits import MAX_BYTES, check_bytes

ZIP, PICKLE = b"PK\x03\x04", b"\x80"  # what torch.save has written since 1.6, and before
TAR_AT, TAR = 257, b"ustar"  # and before 0.1.10


def check(path: Path) -> None:
    """Refuse what torch.save has not written, and a zip file that unpacks to far more than it holds.

    torch.save compresses nothing: entries together are no larger than their file. MAX_BYTES are free, for files that
    somebody packed again.
    """
    try:
        with path.open("rb") as file:
            head = file.read(TAR_AT + len(TAR))
    except OSError as error:
        raise InvalidInput(f"{path} is not a readable checkpoint: {error.strerror}") from error
    if not head:
        raise InvalidInput(f"{path} is not a readable checkpoint: it is empty")
    if not (head.startswith((ZIP, PICKLE)) or head.endswith(TAR)):
        raise InvalidInput(f"{path} is not a checkpoint: torch.save has not written it")
    if head.startswith(ZIP):
        _check_unpacked(path)


def _check_unpacked(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise InvalidInput(f"{path} is not a readable checkpoint: it is cut off, or a broken zip file") from error
    check_bytes(unpacked, max(MAX_BYTES, path.stat().st_size), f"{path}, unpacked,")
