"""Native code that reads a stranger's model, in a forked process: where it crashes, that process dies, not ours.

A fork costs some milliseconds, as the child has the model, and onnxruntime imported, from its parent; a fresh
interpreter would cost as much as a whole conversion. Where other threads run, which may hold locks that a child would
wait for without end, and on systems whose libraries take no fork, the code runs here.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

from converters.onnx.source import Digest

T = TypeVar("T")


class Crashed(RuntimeError):
    """The native code took its process along; the message says how."""


def apart(run: Callable[[], T], what: str) -> T:
    """What `run` returns, or raises; Crashed, which names `what` ran, where its process died of it."""
    if sys.platform != "linux" or any(map(_may_lock, threading.enumerate())):
        return run()
    with os.fdopen(os.memfd_create("answer"), "r+b") as answer:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # numpy's own threads wait, and know of forks
            child = os.fork()
        if child == 0:
            _answer(run, answer)
        if (code := _ended(child)) != 0:
            raise Crashed(f"{what} crashed on it ({_how(code)})")
        answer.seek(0)
        error, found = pickle.load(answer)  # noqa: S301 - our own child wrote it
    if error is not None:
        raise _error(*error)
    returned: T = found
    return returned


def _may_lock(thread: threading.Thread) -> bool:
    """Whether a thread is another one, and not known to hold nothing that a child would need."""
    draws = type(thread).__module__.startswith("rich.")  # the command line's spinner: a child prints nothing
    return thread is not threading.current_thread() and not draws and not isinstance(thread, Digest)


def _answer(run: Callable[[], Any], answer: BinaryIO) -> None:
    """Run, write down what came of it, and end this process without any of its parent's affairs."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # last words of C++ say nothing to a user
        found: tuple[Any, Any]
        try:
            found = None, run()
        except Exception as error:  # noqa: BLE001 - the parent raises it again
            found = (type(error), error.args, vars(error)), None
        pickle.dump(found, answer, protocol=5)
        answer.flush()
        code = 0
    finally:
        os._exit(code)


def _ended(child: int) -> int:
    """The exit code of a process, below zero where a signal was its end; it does not outlive an interrupt."""
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except BaseException:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise


def _error(kind: type[Exception], args: tuple[Any, ...], fields: dict[str, Any]) -> Exception:
    """The exception again; those whose __init__ takes other arguments than they keep can't be pickled themselves."""
    error = kind.__new__(kind, *args)
    vars(error).update(fields)
    return error


def _how(code: int) -> str:
    return signal.strsignal(-code) or str(code) if code < 0 else f"exit code {code}"
