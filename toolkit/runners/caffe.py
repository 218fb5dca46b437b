"""Real Caffe, in a process of its own: whatever Caffe does not like, it ends the process with."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

from toolkit.runners.base import Target, Traits, need_outputs, need_pair, runtime, settings
from toolkit.runners.process import Isolated, Loaded, Worker
from toolkit.runners.worker import caffe_engine

GET = "toolkit engines build caffe"
REMEDY = f"`{GET}` builds it, or set CAFFE_BRIDGE_CAFFE to the folder that holds _caffe.so"


def interpreter() -> str:
    """The Python that loads Caffe: a `_caffe.so` fits one Python version, which may not be ours."""
    return os.environ.get("CAFFE_BRIDGE_PYTHON") or sys.executable


def missing() -> str:
    """'' where some Python here can load a Caffe; nothing is loaded to find out."""
    if interpreter() == sys.executable:
        found = caffe_engine.find() is not None
    else:
        program = "import caffe_engine, sys; sys.exit(caffe_engine.find() is None)"
        folder = Path(caffe_engine.__file__).parent
        try:
            found = subprocess.run([interpreter(), "-c", program], cwd=folder, capture_output=True).returncode == 0
        except OSError as error:
            return f"CAFFE_BRIDGE_PYTHON={interpreter()} can't be started: {error.strerror}"
    return "" if found else f"real Caffe is not found: {REMEDY}"


def version() -> str:
    """What our build says it is, or where another Caffe lies."""
    module = caffe_engine.find() if interpreter() == sys.executable else None
    return caffe_engine.identity(module) if module else f"loaded by {interpreter()}"


TRAITS = Traits("Caffe", resizes=(".prototxt",), timed={"profile": "on"})


@runtime("caffe", reads=(".prototxt",), missing=missing, traits=TRAITS, get=GET, version=version)
def caffe(target: Target) -> Isolated:
    """A prototxt and a caffemodel in real Caffe. Any blob may be an output; the net's own outputs by default.

    Inputs take the feeds' shapes. A blob has the value that its last in-place layer leaves. Without a caffemodel the
    weights are what the fillers in the prototxt make. Option profile=on times every layer.
    """
    options = settings(target, {"timeout": (), "profile": ("off", "on")})
    load = partial(_load, profile=options["profile"] == "on")
    return Isolated("caffe", target, load, options["timeout"], (interpreter(),))


def _load(target: Target, worker: Worker, profile: bool) -> Loaded:
    prototxt, caffemodel = need_pair(target)
    reply, _ = worker.ask({"prototxt": str(prototxt), "caffemodel": str(caffemodel or "")})
    need_outputs("caffe", target.outputs, reply["blobs"])
    inputs = {name: tuple(shape) for name, shape in reply["inputs"].items()}
    return Loaded(inputs, reply["version"], target.outputs or reply["outputs"], reply["blobs"], profile)
