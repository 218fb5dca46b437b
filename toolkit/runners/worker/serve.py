"""The worker process: `python serve.py ENGINE` loads a model and runs it on request, until its standard input ends.

An engine is a module with `load(request) -> reply` and `run(request, arrays) -> (reply, arrays)`; a request that names
outputs is for `run`, any other loads a model in place of the one before. Whatever goes wrong ends the process; the
runner reads the reason from the last lines of standard error.
"""

from __future__ import annotations

import importlib
import os
import sys
from types import TracebackType
from typing import BinaryIO

import wire


def private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Take standard input and output for the protocol: what an engine prints goes to standard error from here on."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, replies


def one_line(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A traceback tells the user nothing: the error's own words are the reason."""
    sys.stderr.write(f"{wire.MARK.decode()} {kind.__name__}: {' '.join(str(error).split())}\n")


def main() -> None:
    """Answer request after request, until standard input ends."""
    sys.excepthook = one_line
    engine = importlib.import_module(sys.argv[1])
    # This folder leaves the path: an engine's own imports must not find files here.
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    requests, replies = private_pipes()
    while True:
        try:
            header, arrays = wire.receive(requests)
        except wire.Closed:
            return
        if "outputs" in header:
            wire.send(replies, *engine.run(header, arrays))
        else:
            wire.send(replies, engine.load(header), {})


if __name__ == "__main__":
    main()
