"""Parity reports made by hand, of any length and with any names: the page must cope with what no real run shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

EDGES = [10.0 ** (-12 + place / 4) for place in range(49)]
Json = dict[str, Any]
Rename = Callable[[str], str]


def report(
    count: int = 12,
    verdict: str = "passed",
    engines: Sequence[str] = ("caffe", "opencv"),
    bad: int | None = None,
    rename: Rename = lambda name: name,
    deep: bool = True,
) -> Json:
    """A chain of Conv+Relu with a residual Add every fourth layer. From layer `bad` on everything differs."""
    names = [rename(f"block{place // 4}/unit{place}") for place in range(count)]
    rows = [_row(engine, verdict, names, bad, rename, deep) for engine in engines]
    return {
        "format": 1,
        "verdict": verdict,
        "tolerance": 1e-4,
        "tolerances": {},
        "samples": 2,
        "environment": {
            "time": "2026-01-01T12:00:00+00:00",
            "host": "Linux",
            "processor": "some processor",
            "cores": 2,
            "python": "3.11.7",
            "packages": {"numpy": "2.0.0", "onnx": "1.17.0"},
            "command": rename("toolkit parity net.onnx net.prototxt --layers"),
        },
        "reference": {
            "runtime": "onnxruntime",
            "version": "onnxruntime 1.20.0, CPU, 1 thread",
            "model": rename("models/net.onnx"),
            "seconds": [0.01, 0.02],
        },
        "inputs": [{"name": rename("image"), "shape": [1, 3, 32, 32], "minimum": 0.0, "maximum": 1.0}],
        "outputs": [
            {
                "name": names[-1],
                "movement": 0.08,
                "noise": 3e-7,
                "float64": None,
                "insensitive": verdict == "insensitive",
                "declared_constant": False,
            }
        ],
        "rows": rows,
        "graph": _graph(names, rename) if deep else None,
        "conversion": {
            "source": rename("net.onnx"),
            "source_sha256": "0" * 64,
            "dialect": "portable",
            "style": "deploy",
            "preprocessing": {"scale": 1.0, "mean": [], "std": [], "swap": False},
            "prototxt": "net.prototxt",
            "caffemodel": "net.caffemodel",
            "blobs": {name: name for name in names},
            "layers": {"Convolution": count, "ReLU": count},
            "parameters": 12345,
        }
        if deep
        else None,
    }


def check(reports: Sequence[tuple[str, str, Json | None]]) -> Json:
    """A run of `toolkit check`: (name, status, report) each."""
    wrong = any(status in ("failed", "error") for _, status, _ in reports)
    return {
        "format": 1,
        "verdict": "failed" if wrong else "passed",
        "seconds": 12.3,
        "environment": report()["environment"],
        "checks": [
            {
                "name": name,
                "model": "net",
                "dialect": "portable",
                "style": "deploy",
                "runtime": "opencv",
                "status": status,
                "seconds": 1.5,
                "message": "" if status == "passed" else f"why {name} is {status}",
                "required_tolerance": 1e-6 if status == "passed" else None,
                "report": found,
            }
            for name, status, found in reports
        ],
    }


def required(place: int, bad: int | None) -> float:
    """The error of a layer: exactly zero in the first, rounding after it, and a tenth from the bad one on."""
    return 0.1 if bad is not None and place >= bad else place * 1e-8


def _row(engine: str, verdict: str, names: Sequence[str], bad: int | None, rename: Rename, deep: bool) -> Json:
    need = required(len(names) - 1, bad)
    output = {
        "name": names[-1],
        "other_name": names[-1],
        "shape": [1, 10],
        "passed": need <= 1e-4,
        "tolerance": 1e-4,
        "required_tolerance": need,
        "max_abs": need * 2,
        "mean_abs": need,
        "max_reference": 2.0,
        "cosine": 1.0,
        "top1": 1.0,
        "top5": 1.0,
    }
    ran = verdict not in ("error", "not run")
    return {
        "runtime": engine,
        "model": rename("net.prototxt"),
        "version": f"{engine} 1.0, CPU, 1 thread" if ran else None,
        "verdict": verdict,
        "optional": False,
        "reasons": [] if verdict == "passed" else [rename(f"a reason of {verdict}")],
        "notes": [],
        "seconds": [0.003, 0.004] if ran else [],
        "required_tolerance": need if ran else None,
        "samples": [[output], [output]] if ran else [],
        "layers": _layers(names, bad, rename) if deep and ran else None,
    }


def _layers(names: Sequence[str], bad: int | None, rename: Rename) -> Json:
    layers = [_layer(names, place, bad, rename) for place in range(len(names))]
    culprit = None
    if bad is not None:
        one = layers[bad]
        culprit = {
            **{key: one[key] for key in ("blob", "nodes", "layers", "types", "ops", "source", "required_tolerance")},
            "value": one["name"],
            "own_error": 0.1,
            "confirmed": True,
            "repro": "repro/opencv",
            "others": [],
            "sentence": f"the first to differ is '{one['name']}'",
        }
    return {
        "compared": len(names),
        "summary": f"all {len(names)} compared values agree",
        "skipped": [{"value": f"{name}/conv", "reason": "no value of its own on the other side"} for name in names],
        "first_fault": culprit,
        "layers": layers,
        "histogram_edges": EDGES,
    }


def _layer(names: Sequence[str], place: int, bad: int | None, rename: Rename) -> Json:
    name, need = names[place], required(place, bad)
    return {
        "name": name,
        "blob": name,
        "nodes": [f"{name}/conv", name],
        "layers": [f"{name}/conv", f"{name}/relu"],
        "ops": ["Conv", "Relu"],
        "types": ["Convolution", "ReLU"],
        "parents": _parents(names, place),
        "shape": [1, 8, 32, 32],
        "permuted": place == 1,
        "source": rename('File "net.py", line 3, in forward'),
        "status": "failed" if need > 1e-4 else "passed",
        "reasons": [f"output '{name}': differs by {need}"] if need > 1e-4 else [],
        "tolerance": 1e-4,
        "required_tolerance": need,
        "max_abs": need * 2,
        "mean_abs": need / 3,
        "max_reference": 2.0,
        "cosine": 1.0,
        "noise": 1e-6,
        "seconds": 1e-4 * (place + 1),
        "reference_seconds": 2e-4,
        "histogram": [place * 3 % 11 for place in range(48)] if place >= len(names) - 12 else None,
    }


def _parents(names: Sequence[str], place: int) -> list[str]:
    found = [names[place - 1]] if place else []
    return found + ([names[place - 4]] if place % 4 == 3 and place > 4 else [])


def _graph(names: Sequence[str], rename: Rename) -> Json:
    image = rename("image")
    nodes, layers = [], []
    for place, name in enumerate(names):
        reads = _parents(names, place) or [image]
        conv, more = f"{name}/conv", {"module": rename(f"layer{place}"), "source": ""}
        nodes.append({"id": conv, "name": conv, "op": "Conv", "inputs": reads, "outputs": [conv], **more})
        nodes.append({"id": name, "name": name, "op": "Relu", "inputs": [conv], "outputs": [name], **more})
        params = "num_output 8, kernel_size 3"
        layers.append({"id": conv, "type": "Convolution", "bottoms": reads, "tops": [f"{name}@1"], "params": params})
        relu = {"id": f"{name}/relu", "type": "ReLU", "bottoms": [f"{name}@1"], "tops": [name], "params": ""}
        layers.append(relu)
    links = [
        {"value": name, "blob": name, "nodes": [f"{name}/conv", name], "layers": [f"{name}/conv", f"{name}/relu"]}
        for name in names
    ]
    ends = {"inputs": [image], "outputs": [names[-1]]}
    return {
        "onnx": {"file": rename("net.onnx"), **ends, "nodes": nodes},
        "caffe": {"file": rename("net.prototxt"), **ends, "layers": layers},
        "links": links,
    }
