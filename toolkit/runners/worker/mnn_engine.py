"""MNN: its converter reads the Caffe files, its runtime computes in float32."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import prototxt_names

# Hint WINOGRAD_MEMORY_LEVEL at 0: large kernels by Winograd's way are off by 3e-4 of the largest number.
SMALL_WINOGRAD = (3, 0)
state: dict[str, Any] = {}


def load(request: Mapping[str, Any]) -> dict[str, Any]:
    """Import both files; reply with the inputs and their shapes, the names of all blobs, the outputs, and who runs."""
    import MNN

    names = prototxt_names.names(Path(request["prototxt"]).read_text(encoding="utf-8", errors="replace"))
    interpreter = _imported(request["prototxt"], request["caffemodel"])
    interpreter.setSessionHint(*SMALL_WINOGRAD)
    # What a layer writes in place is called by that layer's name in MNN.
    tensors = {blob: blob for blob in (*names["inputs"], *names["blobs"])}
    tensors.update((blob, names["blobs"][blob][0]) for blob in names["rewritten"])
    left = _left(interpreter, tensors.values())
    # Of outputs that are alike it leaves one.
    for group in names["alike"]:
        kept = next((tensors[blob] for blob in group if tensors[blob] in left), "")
        tensors.update((blob, kept) for blob in group if tensors[blob] not in left)
    tensors = {blob: tensor for blob, tensor in tensors.items() if tensor in left}
    wanted = request["wanted"] or names["outputs"]
    saved = tuple(tensors[blob] for blob in wanted if blob in tensors)
    settings = {"numThread": request["threads"], "precision": "high", "saveTensors": saved}
    session = interpreter.createSession(settings)
    inputs = interpreter.getSessionInputAll(session)
    state.update(interpreter=interpreter, session=session, tensors=tensors, shapes=request["shapes"])
    return {
        "version": f"MNN {MNN.version()}",
        "inputs": {name: list(tensor.getShape()) for name, tensor in inputs.items()},
        "blobs": list(tensors),
        "outputs": wanted,
    }


def _imported(prototxt: str, caffemodel: str) -> Any:
    """The interpreter. `_tools` is called directly: the package's own script reports to its makers."""
    import _tools
    import MNN

    with tempfile.TemporaryDirectory(prefix="mnn-") as folder:
        path = f"{folder}/net.mnn"
        files = ["--modelFile", caffemodel, "--prototxt", prototxt, "--MNNModel", path]
        if not _tools.mnnconvert(["mnnconvert", "-f", "CAFFE", *files, "--bizCode", "net"]):
            raise RuntimeError("the converter refuses the files")
        return MNN.Interpreter(path)


def _left(interpreter: Any, tensors: Iterable[str]) -> set[str]:
    """The tensors that the converter's optimiser has left over."""
    wanted = tuple(tensors)
    session = interpreter.createSession({"saveTensors": wanted})
    left = set()
    for tensor in wanted:
        with contextlib.suppress(Exception):  # there is no other way to ask
            interpreter.getSessionOutput(session, tensor)
            left.add(tensor)
    return left


def run(request: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Forward once; the time is that of the forward pass, without the copies in and out."""
    interpreter, session = state["interpreter"], state["session"]
    inputs = {name: interpreter.getSessionInput(session, name) for name in arrays}
    changed = {name: array for name, array in arrays.items() if inputs[name].getShape() != array.shape}
    for name, array in changed.items():
        interpreter.resizeTensor(inputs[name], array.shape)
    if changed:
        interpreter.resizeSession(session)
    for name, array in arrays.items():
        inputs[name].copyFrom(_host(np.ascontiguousarray(array, np.float32)))
    began = time.perf_counter()
    code = interpreter.runSession(session)
    seconds = time.perf_counter() - began
    if code:
        raise RuntimeError(f"the run ended with code {code}")
    found = {name: _result(name) for name in request["outputs"]}
    return {"seconds": seconds, "layer_seconds": {}}, found


def _host(array: np.ndarray) -> Any:
    import MNN

    return MNN.Tensor(array.shape, MNN.Halide_Type_Float, array, MNN.Tensor_DimensionType_Caffe)


def _result(name: str) -> np.ndarray:
    """An output, without the ones that MNN appends to the shape that Caffe has."""
    tensor = state["interpreter"].getSessionOutput(state["session"], state["tensors"][name])
    shape = tuple(tensor.getShape())
    host = _host(np.zeros(shape, np.float32))
    tensor.copyToHostTensor(host)
    array = np.array(host.getNumpyData(), np.float32).reshape(shape)
    rank = len(state["shapes"].get(name, shape))
    return array.reshape(shape[:rank]) if set(shape[rank:]) == {1} else array
