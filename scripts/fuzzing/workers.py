"""Inputs in a forked worker, which may hang, eat memory or die -> how each ended.

The worker is this process as it stands, imports and all, and is replaced after each input that was its end and after
some hundred, so that nothing gathers. It says what it does, so that a death is blamed on the right stage.
"""

from __future__ import annotations

import faulthandler
import gc
import multiprocessing
import os
import re
import resource
import tempfile
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from converters.errors import ToolkitError

BATCH = 500  # inputs to a worker
GRACE = 30.0  # seconds that a worker may say nothing beyond its limit
CONVERTING, REFERENCE = "converting", "onnxruntime"  # stages; the oracle aborts on some models, no fault of ours
FAULT = "a fault of the converter"  # a refusal that says so is none
VARYING = re.compile(r"'[^']*'|\d+")
NO_MEMORY = ("bad alloc", "bad_alloc", "out of memory", "failed to allocate", "cannot allocate", "unable to allocate")


@dataclass(frozen=True)
class End:
    """How an input ended: in a few words, with what there is to say about it; `bad` where it may not end so."""

    kind: str
    detail: str = ""
    bad: bool = False

    @property
    def sort(self) -> str:
        """The same for faults that look alike: the kind, and the last of our lines in a traceback."""
        lines = self.detail.splitlines()
        ours = [line for line in lines if "/converters/" in line or "/toolkit/" in line or FAULT in line]
        return f"{self.kind} {re.sub(VARYING, '', ours[-1] if ours else self.detail[:80])}"


@dataclass(frozen=True)
class Limits:
    """Of one input: seconds, and MiB beyond what the worker has from its start."""

    seconds: float = 20.0
    megabytes: int = 2048


Say = Callable[[str], None]
Judge = Callable[[int, Path, Say], End]  # number of an input, a folder to write to, what to tell the stage -> its end


def ends(judge: Judge, numbers: range, limits: Limits) -> Iterator[tuple[int, End]]:
    """Judge the inputs one after the other; each comes with how it ended."""
    while numbers:
        batch = numbers[:BATCH]
        for number, end in _batch(judge, batch, limits):
            yield number, end
            numbers = numbers[1:]


def _batch(judge: Judge, numbers: range, limits: Limits) -> Iterator[tuple[int, End]]:
    """One worker's inputs, up to and with the one that ends it."""
    ours, theirs = multiprocessing.Pipe()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder, tempfile.TemporaryFile() as log:
        context = multiprocessing.get_context("fork")
        worker = context.Process(target=_work, args=(judge, numbers, limits, Path(folder), log.fileno(), theirs))
        worker.start()
        theirs.close()
        try:
            for number in numbers:
                stage, end = _heard(ours, limits)
                if end is not None:
                    yield number, end
                    continue
                worker.kill()
                worker.join()
                yield (
                    number,
                    _death(stage, worker.exitcode or 0, os.pread(log.fileno(), 1 << 16, 0).decode("utf-8", "replace")),
                )
                return
        finally:
            worker.kill()
            worker.join()


def _heard(pipe: Connection, limits: Limits) -> tuple[str, End | None]:
    """What the worker did last, and the end of its input; None where it died, or says nothing any more."""
    stage = ""
    while pipe.poll(limits.seconds + GRACE):
        try:
            said = pipe.recv()
        except EOFError:
            break
        if isinstance(said, End):
            return stage, said
        stage = said
    return stage, None


def _death(stage: str, code: int, log: str) -> End:
    """The end of an input that took its worker along; where another's code does that, it is that code's fault."""
    kind = "hang" if "Timeout (" in log else f"died by {-code}" if code < 0 else f"died with {code}"
    return End(f"{stage}: {kind}", log, bad=stage != REFERENCE)


def _work(judge: Judge, numbers: range, limits: Limits, folder: Path, log: int, pipe: Connection) -> None:
    os.dup2(log, 1)
    os.dup2(log, 2)
    faulthandler.enable(log)
    most = _size() + (limits.megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.collect()
    gc.freeze()  # what the process had before need not be looked through after each input
    for number in numbers:
        os.lseek(log, os.ftruncate(log, 0) or 0, os.SEEK_SET)

        stages = [""]

        def say(stage: str, stages: list[str] = stages) -> None:
            stages.append(stage)
            faulthandler.cancel_dump_traceback_later()
            pipe.send(stage)  # may have to wait for who listens
            faulthandler.dump_traceback_later(limits.seconds, exit=True, file=log)

        try:
            end = judge(number, folder, say)
        except BaseException as error:  # noqa: BLE001 - this is what is looked for
            end = failure(error, stages[-1])
        faulthandler.cancel_dump_traceback_later()
        gc.collect()  # what is mapped goes with its file
        pipe.send(end)
    os._exit(0)


def failure(error: BaseException, stage: str) -> End:
    """An exception as an end: one of ours is fine, and so is a lack of memory where large arrays are compared."""
    chain, link = [], error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    said = " ".join(f"{type(one).__name__} {one}" for one in chain).lower()
    if any(isinstance(one, MemoryError) for one in chain) or any(words in said for words in NO_MEMORY):
        return End(f"{stage}: memory", "".join(traceback.format_exception(error)), bad=stage == CONVERTING)
    if isinstance(error, ToolkitError):
        return End(type(error).__name__, str(error), bad=FAULT in str(error) or type(error) is ToolkitError)
    return End(type(error).__name__, "".join(traceback.format_exception(error)), bad=True)


def _size() -> int:
    """The bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
