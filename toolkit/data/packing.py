"""A folder of classes -> an LMDB data set, a batch of images a transaction: a kill loses the last batch at most.

How far it got, and the statistics so far, are written in the same transaction as the images, so that a second run goes
on from there and ends with the same data as an unbroken one.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from toolkit.data.database import lmdb
from toolkit.data.encoding import CAFFE, Encoded, Form, encoded
from toolkit.data.folder import Item, listing
from toolkit.data.probe import BESIDE, META, key_of

BATCH = 256  # images a transaction
PROGRESS = b"progress"
FIRST_SIZE = 2**30  # of the file; it doubles when it is full
Step = Callable[[int, int], None]


@dataclass
class State:
    """How far the packing has got: files read, images written, who was skipped and why, and sums for statistics."""

    files: int = 0
    images: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    by_class: list[int] = field(default_factory=list)
    pixels: int = 0
    sums: list[int] = field(default_factory=lambda: [0, 0, 0])
    squares: list[int] = field(default_factory=lambda: [0, 0, 0])

    def add(self, one: Encoded) -> None:
        """Count one image."""
        self.files += 1
        if one.reason:
            self.skipped.append({"name": one.name, "reason": one.reason})
            return
        self.images += 1
        self.by_class[one.label] += 1
        self.pixels += one.pixels
        self.sums = [a + b for a, b in zip(self.sums, one.sums, strict=True)]
        self.squares = [a + b for a, b in zip(self.squares, one.squares, strict=True)]


def pack(
    source: Path, target: Path, form: Form, jobs: int = 1, on_step: Step = lambda done, total: None
) -> dict[str, Any]:
    """Pack the folder `source` into the new LMDB `target` and return its metadata.

    Work in progress is `target` with .partial behind it. Raises InvalidInput where no image can be read, ToolkitError
    where the target exists or the work in progress is another one's.
    """
    if target.exists():
        raise ToolkitError(f"{target} is there already; remove it or give another name")
    classes, items = listing(source)
    if form.encoding == CAFFE:
        items = _shuffled(items)
    partial = target.with_name(f"{target.name}.partial")
    partial.mkdir(parents=True, exist_ok=True)
    environment = lmdb().open(str(partial), map_size=FIRST_SIZE)
    try:
        begun = _fingerprint(classes, items, form)
        state = _state(environment, begun, partial, len(classes))
        on_step(state.files, len(items))
        made = encoded(items[state.files :], form, jobs)
        while batch := list(islice(made, BATCH)):
            _write(environment, batch, state, begun)
            on_step(state.files, len(items))
        if not state.images:
            raise InvalidInput(f"none of the {len(items)} images in {source} can be read; {state.skipped[0]['reason']}")
        meta = _finish(environment, classes, state, form, partial)
    finally:
        environment.close()
    (partial / "lock.mdb").unlink(missing_ok=True)
    os.replace(partial, target)
    return meta


def _shuffled(items: Sequence[Item]) -> tuple[Item, ...]:
    """Caffe trains in the order of the database, so the classes are mixed once, always alike."""
    return tuple(items[index] for index in np.random.default_rng(0).permutation(len(items)))


def _state(environment: Any, begun: str, partial: Path, classes: int) -> State:
    """Where to go on."""
    with environment.begin() as transaction:
        stored = transaction.get(PROGRESS)
    if stored is None:
        return State(by_class=[0] * classes)
    found = json.loads(stored)
    if found.pop("begun") != begun:
        raise ToolkitError(f"{partial} was begun with other images or options; remove it to start anew")
    return State(**found)


def _write(environment: Any, batch: Sequence[Encoded], state: State, begun: str) -> None:
    """One transaction: all images of the batch and the state behind them."""
    first = state.images
    for one in batch:
        state.add(one)
    progress = json.dumps({"begun": begun, **asdict(state)}).encode()
    images = [(key_of(first + place), one.stored) for place, one in enumerate(one for one in batch if not one.reason)]
    _put(environment, [*images, (PROGRESS, progress)])


def _finish(environment: Any, classes: Sequence[str], state: State, form: Form, folder: Path) -> dict[str, Any]:
    """The metadata take the state's place; beside a database of Caffe's, which reads every entry as an image."""
    mean = [total / state.pixels for total in state.sums]
    spread = [sqrt(max(0.0, s / state.pixels - m * m)) for s, m in zip(state.squares, mean, strict=True)]
    meta = {
        "images": state.images,
        "classes": list(classes),
        "images_by_class": state.by_class,
        "mean": [value / 255 for value in mean],
        "std": [value / 255 for value in spread],
        **asdict(form),
        "skipped": state.skipped,
    }
    told = json.dumps(meta).encode()
    if form.encoding == CAFFE:
        (folder / BESIDE).write_bytes(told)
        _put(environment, [], gone=PROGRESS)
    else:
        _put(environment, [(META, told)], gone=PROGRESS)
    return meta


def _put(environment: Any, pairs: Sequence[tuple[bytes, bytes]], gone: bytes = b"") -> None:
    """Write the pairs in one transaction, in a larger file where this one is full."""
    while True:
        try:
            with environment.begin(write=True) as transaction:
                for key, value in pairs:
                    transaction.put(key, value)
                if gone:
                    transaction.delete(gone)
            return
        except lmdb().MapFullError:
            environment.set_mapsize(2 * environment.info()["map_size"])


def _fingerprint(classes: Sequence[str], items: Sequence[Item], form: Form) -> str:
    """What the result depends on: the classes, every file's name and size, and the options."""
    told = hashlib.sha256()
    for part in _parts(classes, items, form):
        told.update(part.encode("utf-8", "surrogateescape") + b"\0")
    return told.hexdigest()


def _parts(classes: Sequence[str], items: Sequence[Item], form: Form) -> Iterator[str]:
    yield repr(form)
    yield from classes
    for item in items:
        yield f"{item.name}\0{item.path.stat().st_size}"
