"""Some layers of a Caffe net -> a net of their own, with Input layers for what they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from converters.caffe import files
from converters.caffe.graph import Names
from converters.caffe.net import Layer, Net, Shape
from toolkit.parity.localise.graphs import Graph, blob_of, is_overwritten


def extract(
    net: Net,
    graph: Graph,
    layers: Sequence[int],
    inputs: Mapping[str, Shape],
    target: str,
    called: Mapping[str, str],
) -> Net:
    """The net of these steps of `graph`, with the blob `target` as its one output.

    `inputs` gives the blobs that it reads their shapes; `called` names those and the target anew.

    What is written in place stays in place, but for a blob that is an input here and also has an earlier value.
    """
    by_name = {layer.name: layer for layer in net.layers}
    names = Names()
    names.taken.update(name.lower() for name in called.values())
    known: dict[str, str] = {}

    def name(value: str) -> str:
        blob, earlier = blob_of(value), is_overwritten(value)
        key = value if blob in inputs else blob
        if key not in known:
            known[key] = called[blob] if blob in called and not (earlier and blob in inputs) else names(blob)
        return known[key]

    made = [
        Layer("Input", name(blob), (), (name(blob),), {"input_param": {"shape": [{"dim": list(shape)}]}})
        for blob, shape in inputs.items()
    ]
    blobs = {layer.name for layer in made} | set(called.values())
    for index in layers:
        step = graph.steps[index]
        layer = by_name[step.id]
        tops, bottoms = tuple(map(name, step.writes)), tuple(map(name, step.reads))
        makes = layer.name in tops and layer.name not in bottoms
        # OpenCV calls what makes a blob like the blob: no other layer can have that name.
        title = f"{layer.name}/layer" if layer.name in blobs and not makes else layer.name
        made.append(replace(layer, name=title, bottoms=bottoms, tops=tops))
    return Net("part", (*made, *_silenced(made, called[target])))


def _silenced(layers: Sequence[Layer], target: str) -> list[Layer]:
    """A Silence for everything else that nobody reads, which Caffe would call an output."""
    unread: dict[str, None] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            unread.pop(bottom, None)
        unread.update(dict.fromkeys(layer.tops))
    return [Layer("Silence", f"{blob}/silence", (blob,)) for blob in unread if blob != target]


def write(net: Net, prototxt: Path, caffemodel: Path, header: str = "") -> None:
    """Both files of a net."""
    files.write(net, prototxt, caffemodel, header)


def in_caffe_layout(array: np.ndarray, order: Sequence[int] | None) -> np.ndarray:
    """Channels as Caffe has them: its channel i is the model's channel order[i]."""
    return array if order is None else np.ascontiguousarray(array[:, list(order)])
