"""Caffe files in foreign engines, many nets to one worker process: to start an engine costs more than most nets do."""

from __future__ import annotations

import atexit
from pathlib import Path

import numpy as np

from converters.caffe import binary, text
from converters.caffe.net import Net
from converters.mapping import ConversionMap
from toolkit import runners
from toolkit.runners.base import RunnerError, Target
from toolkit.runners.process import Isolated, Worker

_workers: dict[str, Worker] = {}


def run(engine: str, report: ConversionMap, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the engine takes for the outputs of the files that `report` tells of, by ONNX name where they have one."""
    target = Target(report.prototxt, Path(report.caffemodel))
    got = run_target(engine, target, {blob: feeds[name] for name, blob in report.inputs.items()})
    names = {blob: name for name, blob in report.outputs.items()}
    return {names.get(blob, blob): array for blob, array in got.items()}


def run_target(engine: str, target: Target, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The outputs by blob name. RunnerError where the engine refuses; a worker that died is replaced the next time."""
    isolated = runners.load(engine, target)
    assert isinstance(isolated, Isolated)
    worker = _worker(isolated)
    try:
        loaded = isolated.load(target, worker)
        _, got = worker.ask(
            {"outputs": loaded.outputs}, {name: np.asarray(array, np.float32) for name, array in feeds.items()}
        )
    except RunnerError:
        worker.close()
        _workers.pop(engine, None)
        raise
    return got


def _worker(isolated: Isolated) -> Worker:
    if isolated.name not in _workers:
        _workers[isolated.name] = Worker(isolated.name, 1, isolated.timeout, isolated.python)
        atexit.register(_workers[isolated.name].close)
    return _workers[isolated.name]


def run_net(engine: str, net: Net, feeds: dict[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """The outputs of a net that is written to the folder first."""
    prototxt, caffemodel = folder / "net.prototxt", folder / "net.caffemodel"
    prototxt.write_text(text.write(net), encoding="utf-8")
    with caffemodel.open("wb") as file:
        binary.write(net, file)
    return run_target(engine, Target(str(prototxt), caffemodel, net.outputs), feeds)
