"""Both graphs of a comparison and what became what, as plain data for the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.parity.layer_report import Layer
from toolkit.parity.localise.graphs import Graph, Step
from toolkit.parity.localise.pair import Pair


def graph_json(pair: Pair, layers: Sequence[Layer]) -> dict[str, Any]:
    """The ONNX graph and the Caffe net, None where there is none, and for each compared value what makes it in both."""
    caffe = pair.caffe
    onnx = pair.reference_graph if pair.reference_graph is not caffe else None
    return {
        "onnx": onnx and {**_ends(onnx), "nodes": [_node(step) for step in onnx.steps]},
        "caffe": caffe and {**_ends(caffe), "layers": [_caffe_layer(step) for step in caffe.steps]},
        "links": [
            {"value": one.value, "blob": one.blob, "nodes": list(one.nodes), "layers": list(one.layers)}
            for one in layers
        ],
    }


def _ends(graph: Graph) -> dict[str, Any]:
    return {"file": graph.file, "inputs": list(graph.inputs), "outputs": list(graph.outputs)}


def _node(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "name": step.name,
        "op": step.kind,
        "inputs": list(step.reads),
        "outputs": list(step.writes),
        "module": step.module,
        "source": step.source,
    }


def _caffe_layer(step: Step) -> dict[str, Any]:
    return {
        "id": step.id,
        "type": step.kind,
        "bottoms": list(step.reads),
        "tops": list(step.writes),
        "params": step.params,
    }
