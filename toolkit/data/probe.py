"""Walk an LMDB file in a process of its own, as liblmdb follows a broken file's pointers into nowhere and crashes.

Run as a script with the database's folder; it prints one line of JSON: what is in there, or an "error". The end of
every value is read, to see whether it lies within the file; of large files the lengths alone: they take seconds.
"""

from __future__ import annotations

import base64
import json
import os
import sys

META = b"meta"
BESIDE = "meta.json"  # the metadata of a database of Caffe's, as a file in its folder
MOST_BYTES = 2**28  # of one value
SMALL = 2**32  # a file of which every value is touched


def key_of(index: int) -> bytes:
    """The key of record `index`; sorted as bytes they are sorted as numbers, up to 10^10 of them."""
    return b"%010d" % index


def main(folder: str) -> dict[str, object]:
    """What the database holds: entries, whether its keys are ours, the metadata, and the first value."""
    import lmdb

    try:
        with lmdb.open(folder, readonly=True, lock=False, create=False, readahead=False) as environment:
            need = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
            have = os.path.getsize(os.path.join(folder, "data.mdb"))
            if have < need:
                return {"error": f"it is cut short: {need} bytes are needed, {have} are there"}
            with environment.begin(buffers=True) as transaction:
                return _walk(transaction, have)
    except (lmdb.Error, OSError) as error:
        return {"error": str(error)}


def _walk(transaction: object, have: int) -> dict[str, object]:
    entries, total, ours, first = 0, 0, True, b""
    for key, value in transaction.cursor():  # type: ignore[attr-defined]
        total += len(value)
        if len(value) > MOST_BYTES or total > have:
            return {"error": f"the value of key {bytes(key)[:40]!r} is longer than it can be"}
        if have <= SMALL and len(value):
            value[-1]  # beyond the file this process ends here
        if not entries:
            first = bytes(value)
        ours = ours and bytes(key) in (key_of(entries), META)
        entries += 1
    meta = transaction.get(META)  # type: ignore[attr-defined]
    found = {"entries": entries, "ours": ours and meta is not None, "first": base64.b64encode(first).decode()}
    return {**found, "meta": bytes(meta or b"").decode("ascii", "replace")}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])))
