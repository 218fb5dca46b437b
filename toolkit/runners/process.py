"""An engine in a process of its own, so that a failed check or a crash inside it ends that process and not ours."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.runners.base import Arrays, RunnerError, Target, need_feeds
from toolkit.runners.worker import wire

SERVE = Path(__file__).parent / "worker" / "serve.py"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GOTO_NUM_THREADS")
# What a line of standard error must look like to be a reason: a glog FATAL or ERROR, protobuf's complaint, or our own.
REASON = re.compile(
    r"^(?:[FE]\d{4,8} [\d:.]+ +\d+ (?P<glog>.*)|\[libprotobuf \w+ \S+\] (?P<proto>.*)|CBW1 (?P<ours>.*))"
)
# What MNN says when all is well.
CHATTER = re.compile(r"Converted Success|The device supports|Start to |(in|out)putTensors|Bad outputname|MNN use ")
OPENCV_PREFIX = re.compile(r"(?:error: )?OpenCV\(\S+\) \S+ error: ")
MAX_REASON = 700
TIMEOUT = "600"  # seconds for one answer; a file can be made to keep an engine busy for ever


class Worker:
    """A worker process with one model loaded. Closing it, or our end, ends it."""

    def __init__(self, name: str, threads: int, timeout: float, python: Sequence[str] = (sys.executable,)) -> None:
        self.name, self.timeout = name, timeout
        self.log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close)
        limits = dict.fromkeys(THREAD_VARIABLES, str(threads))
        quiet = {"GLOG_minloglevel": "2", "GLOG_logtostderr": "1", "OPENCV_LOG_LEVEL": "ERROR"}
        quiet["HWLOC_HIDE_ERRORS"] = "2"  # containers show no processor to it
        try:
            self.process = subprocess.Popen(
                [*python, "-u", str(SERVE), f"{name}_engine"],  # unbuffered: a crash must leave its last words
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                env={**os.environ, **limits, **quiet},
            )
        except OSError as error:
            self.log.close()
            raise RunnerError(f"{name}: {python[0]} can't be started: {error.strerror}") from error

    def ask(
        self, header: Mapping[str, Any], arrays: Arrays | None = None
    ) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """Send one request and return the reply; a worker that dies or does not answer in time is a RunnerError."""
        requests, replies = self.process.stdin, self.process.stdout
        if requests is None or replies is None or requests.closed:
            raise RunnerError(f"{self.name}: the engine has ended; load the model again")
        expired = threading.Event()
        late = threading.Timer(self.timeout, self._expire, (expired,))
        late.start()
        try:
            wire.send(requests, header, arrays or {})  # type: ignore[arg-type]
            return wire.receive(replies)  # type: ignore[arg-type]
        except (OSError, wire.Closed) as error:
            self._end()
            reason = f"no answer within {self.timeout:g} s" if expired.is_set() else self._reason()
            self.close()
            raise RunnerError(f"{self.name}: {reason}") from error
        finally:
            late.cancel()

    def _expire(self, expired: threading.Event) -> None:
        expired.set()
        self.process.kill()

    def close(self) -> None:
        """End the process and forget what it said."""
        self._end()
        self.log.close()

    def _end(self) -> None:
        """The process leaves by itself once its input is closed, unless it hangs."""
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # unsent bytes for a process that is gone
                    pipe.close()
        try:
            self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _reason(self) -> str:
        """Why the process ended, in the engine's own last words."""
        self.log.seek(max(0, os.fstat(self.log.fileno()).st_size - 100_000))
        lines = self.log.read().decode("utf-8", "replace").splitlines()
        if reasons := _reasons(lines):
            return "; ".join(reasons)
        code = self.process.returncode
        end = f"the engine ended by {signal.Signals(-code).name}" if code < 0 else f"the engine ended with code {code}"
        last = [line.strip()[:MAX_REASON] for line in lines if line.strip() and not CHATTER.match(line)][-1:]
        return f"{end}; its last words: {last[0]}" if last else f"{end} and gave no reason"


def _reasons(lines: list[str]) -> list[str]:
    """The lines that state a reason, without their prefixes, each once."""
    found = [next(filter(None, match.groups())) for match in map(REASON.match, lines) if match and any(match.groups())]
    return list(dict.fromkeys(OPENCV_PREFIX.sub("", text)[:MAX_REASON] for text in found))[-3:]


@dataclass(frozen=True)
class Loaded:
    """What a worker holds: its inputs, who computes, and what to ask for so that the wanted outputs come back."""

    inputs: dict[str, tuple[int | None, ...]]
    version: str
    outputs: Sequence[Any]
    values: Collection[str] = ()
    profile: bool = False
    plain: str = ""


class Isolated:
    """A runner whose engine lives in a worker; `load` makes the worker load the target."""

    def __init__(
        self, name: str, target: Target, load: Callable[[Target, Worker], Loaded], timeout: str, python: Sequence[str]
    ) -> None:
        self.name, self.target, self.load, self.python = name, target, load, python
        self.timeout = _seconds(timeout or TIMEOUT)
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.values: Collection[str] = ()
        self.dtypes: Mapping[str, str] = {}
        self.version, self.seconds = "", 0.0
        self.layer_seconds: Mapping[str, float] = {}
        self.plain = ""

    def __enter__(self) -> Isolated:
        self.worker = Worker(self.name, self.target.threads, self.timeout, self.python)
        try:
            loaded = self.load(self.target, self.worker)
        except BaseException:
            self.worker.close()
            raise
        self.inputs, self.outputs, self.values = loaded.inputs, loaded.outputs, loaded.values
        self.profile, self.plain = loaded.profile, loaded.plain
        self.version = f"{loaded.version}, CPU, {self.target.threads} thread{'s' if self.target.threads > 1 else ''}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.worker.close()

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run once; the feeds become float32, the only type these engines know."""
        need_feeds(self.name, feeds, self.inputs)
        plain = {name: np.asarray(array, np.float32) for name, array in feeds.items()}
        reply, arrays = self.worker.ask({"outputs": self.outputs, "profile": self.profile}, plain)
        self.seconds, self.layer_seconds = reply["seconds"], reply.get("layer_seconds", {})
        return arrays


def _seconds(text: str) -> float:
    """The value of the option `timeout`."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= threading.TIMEOUT_MAX:
        raise ToolkitError(f"option timeout={text}: it must be a number of seconds above 0")
    return seconds
