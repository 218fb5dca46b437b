"""OpenVINO: its Model Optimizer reads the Caffe files, its runtime computes in float32."""

from __future__ import annotations

import importlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import prototxt_names

PARSER = Path(sys.prefix) / "caffe_parser"  # mo_caffe.proto for protobuf 4, where our own environment has it
state: dict[str, Any] = {}


def load(request: Mapping[str, Any]) -> dict[str, Any]:
    """Import both files; reply with the inputs and their shapes, the names of all blobs, the outputs, and who runs."""
    import openvino

    names = prototxt_names.names(Path(request["prototxt"]).read_text(encoding="utf-8", errors="replace"))
    blobs = [*names["inputs"], *names["blobs"]]
    wanted = request["wanted"] or names["outputs"]
    if not set(wanted) <= set(blobs):
        return {"version": "", "inputs": {}, "blobs": blobs, "outputs": []}
    own = set(wanted) <= set(names["outputs"])
    places = None if own else [f"{layer}:{number}" for layer, number in map(names["blobs"].get, wanted)]
    model = _imported(request["prototxt"], request["caffemodel"], places)
    ports = {blob: _port(model, blob, *names["blobs"].get(blob, (blob, 0))) for blob in wanted}
    state.update(model=model, ports=ports, compiled=None, threads=request["threads"], version=openvino.__version__)
    return {
        "version": f"OpenVINO {openvino.__version__.split('-')[0]}",
        "inputs": {item.get_any_name(): list(item.get_partial_shape().to_shape()) for item in model.inputs},
        "blobs": blobs,
        "outputs": wanted,
    }


def _imported(prototxt: str, caffemodel: str, places: list[str] | None) -> Any:
    """The model; what the Model Optimizer has to say is one line, without its advice."""
    loader: Any = importlib.import_module("openvino.tools.mo.front.caffe.loader")
    convert = importlib.import_module("openvino.tools.mo").convert_model
    loader.mmap = SimpleNamespace(ACCESS_READ=None, mmap=_whole)  # protobuf 4 reads bytes alone
    options: dict[str, Any] = {"caffe_parser_path": str(PARSER)} if PARSER.is_dir() else {}
    if caffemodel:
        options["input_model"] = caffemodel
    if places:
        options["output"] = places
    options |= {"input_proto": prototxt, "framework": "caffe", "compress_to_fp16": False, "silent": True}
    with tempfile.TemporaryDirectory(prefix="openvino-") as folder:  # else its temporary files go into ours
        try:
            return convert(output_dir=folder, **options)
        except Exception as error:
            raise RuntimeError(_reason(str(error))) from error


def _port(model: Any, blob: str, layer: str, number: int) -> int:
    """The place among the outputs of the one that holds a blob: it may be called after its layer alone."""
    for name in (blob, f"{layer}:{number}", *[layer] * (number == 0)):
        for place, item in enumerate(model.outputs):
            if name in item.get_names():
                return place
    raise RuntimeError(f"no output of the imported model is called '{blob}' or '{layer}'")


def _whole(descriptor: int, length: int, access: object) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        return file.read()


def _reason(text: str) -> str:
    text = re.sub(r"\s*For more information please refer to Model Conversion API FAQ.*?\)", "", text, flags=re.S)
    return text.rpartition("Original exception message: ")[2].strip()


def run(request: Mapping[str, Any], arrays: dict[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Forward once; the time is that of the forward pass, without the copies out."""
    import openvino

    model = state["model"]
    shapes = {item.get_any_name(): list(arrays[item.get_any_name()].shape) for item in model.inputs}
    if any(list(item.get_partial_shape().to_shape()) != shapes[item.get_any_name()] for item in model.inputs):
        model.reshape(shapes)
        state["compiled"] = None
    if state["compiled"] is None:
        settings = {"INFERENCE_NUM_THREADS": state["threads"], "INFERENCE_PRECISION_HINT": "f32"}
        state["compiled"] = openvino.Core().compile_model(model, "CPU", settings)
    inference = state["compiled"].create_infer_request()
    began = time.perf_counter()
    inference.infer({name: np.ascontiguousarray(array) for name, array in arrays.items() if name in shapes})
    seconds = time.perf_counter() - began
    found = {name: inference.get_output_tensor(state["ports"][name]).data.copy() for name in request["outputs"]}
    return {"seconds": seconds, "layer_seconds": {}}, found
