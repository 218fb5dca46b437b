"""Importers of Caffe files as engines: OpenVINO's Model Optimizer and MNN's converter, each with its own runtime."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from converters.caffe.net import Shape
from converters.errors import ToolkitError, Unsupported
from toolkit.runners.base import Target, Traits, need_outputs, need_pair, runtime, settings
from toolkit.runners.environment import MNN, OPENVINO, Environment
from toolkit.runners.process import Isolated, Loaded, Worker


@runtime(
    "openvino",
    reads=(".prototxt",),
    missing=OPENVINO.missing,
    traits=Traits("OpenVINO", resizes=(".prototxt",)),
    get=OPENVINO.get,
    version=lambda: OPENVINO.version,
)
def openvino(target: Target) -> Isolated:
    """A prototxt and a caffemodel through the Model Optimizer, in OpenVINO's runtime, in float32.

    Any blob may be an output, of one that is written in place the last value. Another batch is tried by reshaping.
    """
    return _isolated(OPENVINO, target)


@runtime(
    "mnn",
    reads=(".prototxt",),
    missing=MNN.missing,
    traits=Traits("MNN", resizes=(".prototxt",)),
    get=MNN.get,
    version=lambda: MNN.version,
)
def mnn(target: Target) -> Isolated:
    """A prototxt and a caffemodel through MNNConvert, in MNN's runtime, in float32.

    Its optimiser leaves few inner blobs over that may be outputs. Ones that it appends to a shape are taken off again.
    """
    return _isolated(MNN, target)


def _isolated(environment: Environment, target: Target) -> Isolated:
    options = settings(target, {"timeout": ()})
    load = partial(_load, environment.engine)
    # -E: PYTHONPATH is for our Python, not for that one.
    return Isolated(environment.engine, target, load, options["timeout"], (str(environment.python), "-E"))


def _load(engine: str, target: Target, worker: Worker) -> Loaded:
    prototxt, caffemodel = need_pair(target)
    request = {
        "prototxt": str(prototxt),
        "caffemodel": str(caffemodel or ""),
        "wanted": target.outputs,
        "threads": target.threads,
        "shapes": _shapes(prototxt),
    }
    reply, _ = worker.ask(request)
    need_outputs(engine, target.outputs, reply["blobs"])
    inputs = {name: tuple(shape) for name, shape in reply["inputs"].items()}
    return Loaded(inputs, reply["version"], target.outputs or reply["outputs"], reply["blobs"])


def _shapes(prototxt: Path) -> Mapping[str, Shape]:
    """The shape of each blob by Caffe's rules; none of a file that breaks them, which is the importer's to refuse."""
    from converters.caffe import text  # protobuf's schema is read then
    from converters.caffe.shapes import prove

    try:
        return prove(text.read(prototxt), {})
    except (ToolkitError, Unsupported, ArithmeticError, LookupError, TypeError, ValueError):
        return {}
