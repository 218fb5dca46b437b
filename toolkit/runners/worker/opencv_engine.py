"""OpenCV's dnn module: Caffe files and ONNX files. It knows values by layer name and output number alone."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import prototxt_names

state: dict[str, Any] = {}


def load(request: Mapping[str, Any]) -> dict[str, Any]:
    """Read the file or files; reply with the names of all layers, for Caffe those of the prototxt, and who runs."""
    import cv2

    cv2.setNumThreads(request["threads"])
    reply: dict[str, Any] = {"version": f"OpenCV {cv2.__version__}"}
    if request["path"].endswith(".onnx"):
        net = cv2.dnn.readNetFromONNX(request["path"])
    elif not hasattr(cv2.dnn, "readNetFromCaffe"):
        raise RuntimeError(f"OpenCV {cv2.__version__} reads no Caffe files; install opencv-python-headless<5")
    else:
        net = cv2.dnn.readNetFromCaffe(request["path"], request["caffemodel"])
        reply.update(prototxt_names.names(Path(request["path"]).read_text(encoding="utf-8", errors="replace")))
    net.enableFusion(request["fusion"])
    state["net"] = net
    return {**reply, "layers": list(net.getLayerNames())}


def run(request: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Forward once, for (value, layer, output number) triples; the time is that of the forward pass."""
    net = state["net"]
    wanted = {value: _layer(layer, number) for value, layer, number in request["outputs"]}
    for name, array in arrays.items():
        net.setInput(array, name)
    layers = list(dict.fromkeys(wanted.values()))
    began = time.perf_counter()
    found = net.forward(layers)
    seconds = time.perf_counter() - began
    results = {layer: np.asarray(found[index]) for index, layer in enumerate(layers)}
    times = _times() if request.get("profile") else {}
    return {"seconds": seconds, "layer_seconds": times}, {value: results[layer] for value, layer in wanted.items()}


def _times() -> dict[str, float]:
    """What each layer took in the last pass; those that others were fused with took nothing."""
    import cv2

    times = np.asarray(state["net"].getPerfProfile()[1]).ravel() / cv2.getTickFrequency()
    names = state["net"].getLayerNames()
    return dict(zip(names, times.tolist(), strict=True)) if len(names) == times.size else {}


def _layer(layer: str, number: int) -> str:
    """A layer whose first output is the wanted one.

    OpenCV keeps the first output of a layer that was asked for, and may compute something else into the memory of the
    others before it hands them out; so those get a layer of their own.
    """
    name = f"{layer}!{number}"
    if number and state["net"].getLayerId(name) < 0:
        state["net"].registerOutput(name, state["net"].getLayerId(layer), number)
    return name if number else layer
