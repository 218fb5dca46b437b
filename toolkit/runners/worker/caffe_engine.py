"""Real Caffe, through the `_caffe` module alone: the `caffe` package around it wants scikit-image and much more."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

TEST = 1  # the value of caffe_pb2.TEST
state: dict[str, Any] = {}


def find() -> Path | None:
    """The `_caffe` module file: $CAFFE_BRIDGE_CAFFE, else an installed Caffe, else our own build."""
    for folder in _folders():
        for module in sorted(folder.glob("_caffe*.so")):
            return module
    return None


def _folders() -> Iterator[Path]:
    if os.environ.get("CAFFE_BRIDGE_CAFFE"):
        given = Path(os.environ["CAFFE_BRIDGE_CAFFE"]).expanduser()
        yield from (given, given / "caffe", given / "python" / "caffe")
        return  # what was asked for or nothing: another Caffe would answer a question that nobody put
    for name in ("caffe", "_caffe"):
        spec = importlib.util.find_spec(name)
        if spec and spec.origin:
            yield Path(spec.origin).parent
    yield from reversed(_built())


def _built() -> list[Path]:
    """Our own builds for this Python, oldest first."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "caffe-bridge"
    python = "cp{}{}".format(*sys.version_info[:2])
    return sorted(cache.glob(f"caffe-*-{python}-*"), key=lambda folder: folder.stat().st_mtime)


def _import(module: Path) -> Any:
    spec = importlib.util.spec_from_file_location("_caffe", str(module))
    assert spec is not None
    assert spec.loader is not None
    caffe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(caffe)
    return caffe


def identity(module: Path, number: str = "") -> str:
    """'brocolli-caffe 9.0.2 + Clip, ...' for our own build; else the number that Caffe gives and where it lies."""
    manifest = module.parent / "manifest.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text())["engine"])
    return f"Caffe {number or 'of unknown version'} in {module.parent}"


def load(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read both files; reply with the inputs and their shapes, the names of all blobs, the outputs, and who runs."""
    module = find()
    if module is None:
        raise RuntimeError("no Caffe for Python {}.{}".format(*sys.version_info[:2]))
    if "caffe" not in state:  # a second import would register every converter again
        state["caffe"] = _import(module)
    caffe = state["caffe"]
    caffe.set_mode_cpu()
    net = caffe.Net(request["prototxt"], TEST)
    if request["caffemodel"]:
        net.copy_from(request["caffemodel"])
    names = list(net._blob_names)
    state.update(net=net, blobs={name: net._blobs[index] for index, name in enumerate(names)})
    return {
        "version": identity(module, getattr(caffe, "__version__", "")),
        "inputs": {names[index]: list(net._blobs[index].shape) for index in net._inputs},
        "blobs": names,
        "outputs": [names[index] for index in net._outputs],
    }


def run(request: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Forward once; the time is that of the forward pass, without the copies in and out."""
    net, blobs = state["net"], state["blobs"]
    changed = {name: array for name, array in arrays.items() if tuple(blobs[name].shape) != array.shape}
    for name, array in changed.items():
        blobs[name].reshape(*array.shape)
    if changed:
        net.reshape()
    for name, array in arrays.items():
        blobs[name].data[...] = array
    began = time.perf_counter()
    times: dict[str, float] = {}
    if request.get("profile"):
        times = _times(net)
    else:
        net._forward(0, len(net.layers) - 1)
    seconds = time.perf_counter() - began
    found = {name: np.array(blobs[name].data) for name in request["outputs"]}
    return {"seconds": seconds, "layer_seconds": times}, found


def _times(net: Any) -> dict[str, float]:
    """Forward layer by layer; what each took."""
    times = {}
    for index, name in enumerate(net._layer_names):
        began = time.perf_counter()
        net._forward(index, index)
        times[name] = time.perf_counter() - began
    return times
