"""Image files -> records, in worker processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from toolkit.data import datum, record
from toolkit.data.folder import Item
from toolkit.data.views import resized
from toolkit.images import open_rgb

CAFFE = "caffe"  # an encoding that `record` does not know
CHUNK = 16  # images that travel to a worker and back together
WAITING = 3  # chunks for each worker


@dataclass(frozen=True)
class Form:
    """How images are stored: their short edge, and `jpeg` (of a quality), `png`, `raw`, or as Caffe's own records."""

    edge: int = 256
    encoding: str = "jpeg"
    quality: int = 95


@dataclass(frozen=True)
class Encoded:
    """What became of one image: its record, or the reason why it can't be read.

    For the statistics, its pixels and the sums of values and squares of each channel.
    """

    name: str
    label: int
    stored: bytes = b""
    pixels: int = 0
    sums: tuple[int, ...] = (0, 0, 0)
    squares: tuple[int, ...] = (0, 0, 0)
    reason: str = ""


def encoded(items: Sequence[Item], form: Form, jobs: int) -> Iterator[Encoded]:
    """Every image in order, made by `jobs` processes; few are kept waiting, so that memory stays small."""
    chunks = iter([items[start : start + CHUNK] for start in range(0, len(items), CHUNK)])
    spawn = multiprocessing.get_context("spawn")  # a fork would copy threads and open databases half
    with ProcessPoolExecutor(jobs, spawn, initializer=_end_with_parent) as pool:
        waiting: deque[Future[list[Encoded]]] = deque()
        try:
            for chunk in chunks:
                waiting.append(pool.submit(_encode_all, chunk, form))
                if len(waiting) >= jobs * WAITING:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        except BrokenProcessPool as error:
            raise ToolkitError("a worker process died; run the same command again to go on from there") from error
        finally:
            pool.shutdown(cancel_futures=True)


def encode(item: Item, form: Form) -> Encoded:
    """One image file -> its record, or the reason why there is none."""
    try:
        image = resized(open_rgb(item.path, item.name), form.edge)
        if form.encoding == CAFFE:
            made = datum.write(image, item.label)
        else:
            made = record.pack(record.encode(image, item.name, item.label, form.encoding, form.quality))
    except InvalidInput as error:
        return Encoded(item.name, item.label, reason=str(error))
    counts = np.asarray(image.histogram(), np.int64).reshape(3, 256)
    values = np.arange(256, dtype=np.int64)
    return Encoded(
        item.name,
        item.label,
        made,
        image.width * image.height,
        tuple(map(int, counts @ values)),
        tuple(map(int, counts @ values**2)),
    )


def _encode_all(items: Sequence[Item], form: Form) -> list[Encoded]:
    return [encode(item, form) for item in items]


def _end_with_parent() -> None:
    """A killed parent can't tell its workers to leave: each of them waits for its end and goes too."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
