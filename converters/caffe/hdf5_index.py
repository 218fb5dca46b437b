"""HDF5 weights of Caffe -> where each blob lies in the file, as JSON; run as a program, for the library may crash.

Usage: python hdf5_index.py FILE. Writes [[layer, index, dtype, shape, offset], ...]. Exits 1 with a sentence on stderr
where the file is not what Caffe writes. No number of a blob is read here, and nothing outside the file.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from typing import Any

import h5py

MOST_MEMORY = 4 << 30
MOST_BLOBS = 100_000
BITS = (16, 32, 64)


class Foreign(Exception):
    """The file is no file of weights that Caffe wrote; the text says why."""


def index(path: str) -> Iterator[tuple[str, int, str, tuple[int, ...], int]]:
    """Each blob: its layer, its place among the layer's blobs, type and shape, and where its numbers begin."""
    with h5py.File(path, "r", locking=False) as file:
        if file.userblock_size:
            raise Foreign("it has a user block")
        data = _inside(file, "data", h5py.Group)
        for layer in data:
            group = _inside(data, layer, h5py.Group)
            for name in group:
                if not (name.isascii() and name.isdecimal() and str(int(name[:9])) == name):
                    raise Foreign(f"'{group.name}/{name}' is not the number of a blob")
                blob = _inside(group, name, h5py.Dataset)
                yield layer, int(name), *_place(blob)


def _inside(group: Any, name: str, kind: type) -> Any:
    """What a group holds under a name; a link to another place, in this file or out of it, is not followed."""
    where = f"{group.name.rstrip('/')}/{name}"
    link = group.get(name, getlink=True)
    if link is None:
        raise Foreign(f"it has no group '{where}'")
    if type(link) is not h5py.HardLink:
        raise Foreign(f"'{where}' is a link to another place")
    if group.get(name, getclass=True) is not kind:
        raise Foreign(f"'{where}' is not a {kind.__name__.lower()}")
    return group[name]


def _place(blob: Any) -> tuple[str, tuple[int, ...], int]:
    if blob.dtype.kind != "f" or blob.dtype.itemsize * 8 not in BITS:
        raise Foreign(f"'{blob.name}' holds {blob.dtype}, not floats")
    offset = blob.id.get_offset()
    if offset is None or blob.id.get_create_plist().get_external_count():
        raise Foreign(f"'{blob.name}' does not lie in the file in one piece: it is compressed, cut up or elsewhere")
    return blob.dtype.str, blob.shape, offset


def main() -> None:
    """Write the index of the file that the command line names to stdout."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no limits, and a lower one may stand
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    found = []
    try:
        for entry in index(sys.argv[1]):
            found.append(entry)
            if len(found) > MOST_BLOBS:
                raise Foreign(f"it has more than {MOST_BLOBS:,} blobs")
    except (Foreign, OSError, ValueError, KeyError, RuntimeError, TypeError, MemoryError) as error:
        sys.exit(" ".join(str(error).split())[:300] or type(error).__name__)
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
