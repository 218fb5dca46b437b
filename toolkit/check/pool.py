"""Jobs -> results, on worker processes that may crash: a job that takes its worker down fails alone."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from typing import IO, Any

from toolkit.check.plan import Job

Answer = dict[str, Any]
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}  # a job is one core's


class Worker:
    """A process that does one job after the other; started anew after a crash."""

    def __init__(self, command: Sequence[str], timeout: float) -> None:
        self.command, self.timeout = tuple(command), timeout
        self.process: subprocess.Popen[str] | None = None
        self.log: IO[str] | None = None

    def ask(self, job: Job) -> Answer:
        """The answer to a job; where there is none, why."""
        process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        expired = threading.Event()
        late = threading.Timer(self.timeout, self._expire, (process, expired))
        late.start()
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(f"{job.number}\n")
                process.stdin.flush()
            line = process.stdout.readline()
        finally:
            late.cancel()
        if line.endswith("\n"):  # else the process ended in the middle of it
            return dict(json.loads(line))
        reason = f"took more than {self.timeout:g} s" if expired.is_set() else self._reason(process)
        self.close()
        return {"results": [], "error": reason}

    def _started(self) -> subprocess.Popen[str]:
        if self.process is None:
            self.log = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115 (closed by close)
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.log,
                text=True,
                encoding="utf-8",
                env={**os.environ, **ENVIRONMENT},
            )
        return self.process

    @staticmethod
    def _expire(process: subprocess.Popen[str], expired: threading.Event) -> None:
        expired.set()
        process.kill()

    def _reason(self, process: subprocess.Popen[str]) -> str:
        """How the process ended, and its last words."""
        code = process.wait()
        end = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        assert self.log is not None
        self.log.seek(0)
        said = [line.strip() for line in self.log.read().splitlines() if line.strip()][-1:]
        return f"the worker process ended {end}" + "".join(f": {line[:500]}" for line in said)

    def close(self) -> None:
        """End the process, which leaves by itself once its input is closed."""
        if self.process is not None:
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            try:
                self.process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self.log is not None:
            self.log.close()
            self.log = None


def run(
    command: Sequence[str], jobs: Sequence[Job], workers: int, timeout: float, done: Callable[[Job, Answer], None]
) -> None:
    """Do all jobs on so many workers. `done` is called once for each, by one thread at a time."""
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in jobs:
        waiting.put(job)
    lock, stopped = threading.Lock(), threading.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        worker = Worker(command, timeout)
        try:
            while not stopped.is_set():
                job = waiting.get_nowait()
                answer = worker.ask(job)
                with lock:
                    done(job, answer)
        except queue.Empty:
            pass
        except BaseException as error:  # noqa: BLE001 (raised again below, by the thread that called)
            failures.append(error)
        finally:
            worker.close()

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(workers, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    finally:
        stopped.set()
    if failures:
        raise failures[0]


def python(*words: str) -> list[str]:
    """The command of a worker in this Python. Unbuffered: a crash must not take its last words with it."""
    return [sys.executable, "-u", "-m", *words]
