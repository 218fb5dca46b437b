"""One contestant in a process of its own, so that its memory is its own and its threads disturb nobody.

The runtimes' own workers are not enough for that: onnxruntime and PyTorch run in the caller's process.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Load, Runner, RunnerError, Target

GRACE = 10  # seconds for the process to leave by itself


class Contest:
    """A runner in a process: entered, fed once, run many times. `load` must be a function that can be imported."""

    def __init__(self, load: Load, runtime: str, target: Target) -> None:
        self.runtime, self.work = runtime, (load, runtime, target)
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.dtypes: Mapping[str, str] = {}
        self.version = ""

    def __enter__(self) -> Contest:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the memory that is to be measured
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, *self.work), daemon=True)
        self.process.start()
        theirs.close()
        try:
            self.version, self.inputs, self.dtypes = self._receive()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()  # ends the loop on the other side
        self.process.join(GRACE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()

    def feed(self, feeds: Mapping[str, np.ndarray]) -> None:
        """What every run takes from now on."""
        self._ask(feeds)

    def run(self, times: int) -> list[float]:
        """Run so many times; the engine's own seconds for each."""
        found: list[float] = self._ask(times)
        return found

    def layers(self, times: int) -> dict[str, float]:
        """Run so many times; for each layer the seconds of its fastest run."""
        found: dict[str, float] = self._ask(("layers", times))
        return found

    def memory(self) -> int | None:
        """The most bytes that the process which computes has held so far; None where the system does not tell."""
        found: int | None = self._ask("memory")
        return found

    def _ask(self, request: Any) -> Any:
        self.connection.send(request)
        return self._receive()

    def _receive(self) -> Any:
        try:
            found = self.connection.recv()
        except EOFError as error:
            raise RunnerError(f"{self.runtime}: the process that ran the model has ended") from error
        if isinstance(found, ToolkitError):
            raise found
        return found


def _serve(connection: Connection, load: Load, runtime: str, target: Target) -> None:
    """The process: answer until the other side closes. An error of the engine is the last answer."""
    feeds: Mapping[str, np.ndarray] = {}
    try:
        with load(runtime, target) as runner:
            connection.send((runner.version, runner.inputs, runner.dtypes))
            while True:
                request = connection.recv()
                if isinstance(request, Mapping):
                    feeds = request
                    connection.send(None)
                elif isinstance(request, int):
                    connection.send([_seconds(runner, feeds) for _ in range(request)])
                elif request == "memory":
                    connection.send(peak_memory())
                else:
                    connection.send(_fastest_layers(runner, feeds, request[1]))
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        return
    except ToolkitError as error:
        connection.send(error)


def _seconds(runner: Runner, feeds: Mapping[str, np.ndarray]) -> float:
    runner.run(feeds)
    return runner.seconds


def _fastest_layers(runner: Runner, feeds: Mapping[str, np.ndarray], times: int) -> dict[str, float]:
    found: dict[str, float] = {}
    for _ in range(times):
        runner.run(feeds)
        for name, seconds in runner.layer_seconds.items():
            found[name] = min(seconds, found.get(name, seconds))
    return found


def peak_memory() -> int | None:
    """The most bytes that this process, or one that it started, has held: the one that computes holds the most."""
    try:
        folders = [Path("/proc/self"), *_children()]
        return max(_peak(folder) for folder in folders)
    except OSError:
        return None


def _children() -> list[Path]:
    listed = Path("/proc/self/task").glob("*/children")
    return [Path("/proc", pid) for file in listed for pid in file.read_text("ascii").split()]


def _peak(folder: Path) -> int:
    """VmHWM, in bytes. getrusage would tell of the parent's memory at the time of the fork as well."""
    for line in (folder / "status").read_text("ascii", "replace").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0
