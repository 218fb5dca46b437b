"""OpenCV's dnn module, in a process of its own: a file it can't digest may take the whole process down."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from toolkit.onnx_file import read_onnx
from toolkit.runners.base import Target, Traits, installed, need_outputs, need_pair, runtime, settings
from toolkit.runners.process import Isolated, Loaded, Worker

Place = tuple[str, int]  # an OpenCV layer and the number of one of its outputs


GET = "pip install 'opencv-python-headless>=4.10,<5'"
DISTRIBUTIONS = ("opencv-python-headless", "opencv-python", "opencv-contrib-python-headless", "opencv-contrib-python")


def missing() -> str:
    """'' where it is installed, else what to do."""
    return "" if importlib.util.find_spec("cv2") else f"OpenCV is not installed: {GET}"


TRAITS = Traits("OpenCV", resizes=(".prototxt",), unfused={"fusion": "off"}, timed={"profile": "on"}, fewest_axes=2)


@runtime(
    "opencv",
    reads=(".prototxt", ".onnx"),
    missing=missing,
    traits=TRAITS,
    get=GET,
    version=lambda: installed(*DISTRIBUTIONS),
)
def opencv(target: Target) -> Isolated:
    """Caffe files, or an ONNX file, through OpenCV's importers.

    Outputs are blobs (for ONNX: values), or else layers by name. Option fusion=off keeps every layer's own value, for
    runs that compare layer by layer; profile=on times every layer. What has one axis comes back as (n, 1).
    """
    options = settings(target, {"fusion": ("on", "off"), "profile": ("off", "on"), "timeout": ()})
    load = partial(_load, fusion=options["fusion"] == "on", profile=options["profile"] == "on")
    return Isolated("opencv", target, load, options["timeout"], (sys.executable,))


def _load(target: Target, worker: Worker, fusion: bool, profile: bool) -> Loaded:
    path, caffemodel = need_pair(target)
    names = _onnx_names(path) if path.suffix == ".onnx" else {}
    request = {"path": str(path), "caffemodel": str(caffemodel or ""), "threads": target.threads, "fusion": fusion}
    reply, _ = worker.ask(request)
    names = names or {**reply, "blobs": {blob: [tuple(place)] for blob, place in reply["blobs"].items()}}
    places, wanted = _places(names["blobs"], reply["layers"]), target.outputs or names["outputs"]
    need_outputs("opencv", wanted, places)
    inputs = {name: tuple(shape) for name, shape in names["inputs"].items()}
    asked = [(value, *places[value]) for value in wanted]
    plain = next((value for value in wanted if places[value] == (reply["layers"][-1], 0)), reply["layers"][-1])
    return Loaded(inputs, reply["version"], asked, places, profile, "" if path.suffix == ".onnx" else plain)


def _places(blobs: Mapping[str, list[Place]], layers: Collection[str]) -> dict[str, Place]:
    """Where OpenCV keeps each value: a blob in the first of its places that exists; other names are those of layers."""
    there = set(layers)
    places = {layer: (layer, 0) for layer in layers}
    for blob, candidates in blobs.items():
        places.update((blob, place) for place in reversed(candidates) if place[0] in there)
    return places


def _onnx_names(path: Path) -> dict[str, Any]:
    """Inputs, outputs and, for every value, where OpenCV may keep it: outputs of the graph get a layer of their own."""
    graph = read_onnx(path).graph
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {
        value.name: [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
        for value in graph.input
        if value.name not in constants
    }
    blobs = {
        value: [(value, 0), (f"onnx_node!{node.name}", number), (f"onnx_node_output_0!{node.output[0]}", number)]
        for node in graph.node
        for number, value in enumerate(node.output)
        if value
    }
    return {"inputs": inputs, "blobs": blobs, "outputs": [value.name for value in graph.output]}
