"""One contestant in a process of its own, so that its memory is its own and its threads disturb nobody.

The runtimes' own workers are not enough for that: onnxruntime and PyTorch run in the caller's process. It is a new
Python that imports nothing of the caller's script: a script that measures needs no guard around what it does.
"""

from __future__ import annotations

import io
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Load, Runner, RunnerError, Target

GRACE = 10  # seconds for the process to leave by itself
PROGRAM = "import sys; sys.path[:] = {path!r}; from toolkit.benchmark.process import main; main()"


class Contest:
    """A runner in a process: entered, fed once, run many times. `load` must be a function that can be imported."""

    def __init__(self, load: Load, runtime: str, target: Target) -> None:
        self.runtime, self.work = runtime, (load, runtime, target)
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.dtypes: Mapping[str, str] = {}
        self.version = ""

    def __enter__(self) -> Contest:
        load = self.work[0]
        if getattr(load, "__module__", "") == "__main__":
            raise ToolkitError(
                "`load` stands in the script itself, where no other process finds it: put it in a module"
            )
        program = [sys.executable, "-c", PROGRAM.format(path=sys.path)]
        self.process = subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            self.version, self.inputs, self.dtypes = self._ask(self.work)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.process:  # closes both pipes
            with suppress(BrokenPipeError):
                self._pipes[0].close()  # ends the loop on the other side
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def feed(self, feeds: Mapping[str, np.ndarray]) -> None:
        """What every run takes from now on."""
        self._ask(feeds)

    def run(self, times: int) -> list[float]:
        """Run so many times; the engine's own seconds for each."""
        found: list[float] = self._ask(times)
        return found

    def layers(self, times: int) -> tuple[float, dict[str, float]]:
        """Run so many times; the seconds of the fastest run, as a whole and for each layer in it."""
        found: tuple[float, dict[str, float]] = self._ask(("layers", times))
        return found

    def memory(self) -> int | None:
        """The most bytes that the process which computes has held so far; None where the system does not tell."""
        found: int | None = self._ask("memory")
        return found

    @property
    def _pipes(self) -> tuple[BinaryIO, BinaryIO]:
        """To the process and from it."""
        assert isinstance(self.process.stdin, io.BufferedWriter)
        assert isinstance(self.process.stdout, io.BufferedReader)
        return self.process.stdin, self.process.stdout

    def _ask(self, request: Any) -> Any:
        there, back = self._pipes
        try:
            _send(request, there)
            found = _receive(back)
        except (EOFError, BrokenPipeError) as error:
            raise RunnerError(f"{self.runtime}: the process that ran the model has ended") from error
        if isinstance(found, ToolkitError):
            raise found
        return found


def main() -> None:
    """The process: answer until the other side closes. What an engine prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        _serve(sys.stdin.buffer, answers)
    except (EOFError, BrokenPipeError, KeyboardInterrupt):
        os._exit(0)  # nobody listens: not to a complaint at exit either


def _serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """An error of the engine is the last answer."""
    answer = partial(_send, pipe=answers)
    feeds: Mapping[str, np.ndarray] = {}
    try:
        load, runtime, target = _receive(requests)
        with load(runtime, target) as runner:
            answer((runner.version, runner.inputs, runner.dtypes))
            while True:
                request = _receive(requests)
                if isinstance(request, Mapping):
                    feeds = request
                    answer(None)
                elif isinstance(request, int):
                    answer([_seconds(runner, feeds) for _ in range(request)])
                elif request == "memory":
                    answer(peak_memory())
                else:
                    answer(_profile(runner, feeds, request[1]))
    except ToolkitError as error:
        answer(error)


def _send(found: Any, pipe: BinaryIO) -> None:
    pickle.dump(found, pipe)
    pipe.flush()


def _receive(pipe: BinaryIO) -> Any:
    return pickle.load(pipe)  # noqa: S301 - the other end is this program as well


def _seconds(runner: Runner, feeds: Mapping[str, np.ndarray]) -> float:
    runner.run(feeds)
    return runner.seconds


def _profile(runner: Runner, feeds: Mapping[str, np.ndarray], times: int) -> tuple[float, dict[str, float]]:
    """The fastest run that told the times of its layers: an engine may do so in its first run alone."""
    runner.run(feeds)
    found = runner.seconds, runner.layer_seconds
    for _ in range(times):
        before = runner.layer_seconds
        runner.run(feeds)
        if runner.layer_seconds is not before and runner.seconds < found[0]:
            found = runner.seconds, runner.layer_seconds
    return found[0], dict(found[1])


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
