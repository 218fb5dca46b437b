"""A net in training style -> the two files of `caffe train`: the network with data layers and losses, and a solver.

The numbers are those of the published recipe: a batch of 1024 in parts, Nesterov's momentum, a learning rate that falls
linearly to 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from google.protobuf import text_format

from converters.caffe import text
from converters.caffe.net import Layer, Net
from converters.caffe.schema import message
from converters.caffe.shapes import prove
from converters.errors import ToolkitError, Unsupported
from converters.preprocessing import Preprocessing

BATCH, EVALUATED = 1024, 50_000  # images a step, and images a test: the published recipe, ImageNet's validation
TEST_BATCH = 50
LABEL = "label"


@dataclass(frozen=True)
class Training:
    """Where the images are (LMDB folders of Caffe's Datum records) and how many fit into memory at a time."""

    train: str
    test: str
    part: int = 64


def write(prototxt: Path, prefix: Path, training: Training, preprocessing: Preprocessing) -> tuple[Path, Path]:
    """Write PREFIX.train_val.prototxt and PREFIX.solver.prototxt for a net in training style.

    The data layers do what is left to do: the network takes RGB in [0, 1], or what `preprocessing` makes that of.
    """
    network, solved = Path(f"{prefix}.train_val.prototxt"), Path(f"{prefix}.solver.prototxt")
    content = train_val(text.read(prototxt), training, 1 / 255 / preprocessing.scale, _header(preprocessing))
    written = {network: content, solved: solver(str(network), str(prefix), training)}
    for path, made in written.items():
        scratch = path.with_name(f".{path.name}.part")
        scratch.write_text(made, encoding="utf-8")
        scratch.replace(path)
    return network, solved


def train_val(net: Net, training: Training, scale: float, header: str) -> str:
    """The text of the network for `caffe train`: data layers in place of its input, a loss, accuracies when testing.

    `scale` is what the data layers multiply bytes with. Raises ToolkitError where the net is not a classifier of square
    images.
    """
    data, size = _image(net)
    net = _any_batch(net, training.part)
    scores, layers = _scores(net)
    feeds = (
        _data(data, training.train, size, scale, training.part, "TRAIN"),
        _data(data, training.test, size, scale, TEST_BATCH, "TEST"),
    )
    ends = [Layer("SoftmaxWithLoss", "loss", (scores, LABEL), ("loss",))]
    for name, count in (("top-1", 1), ("top-5", 5)):
        params: dict[str, Any] = {"include": [{"phase": "TEST"}]}
        if count > 1:
            params["accuracy_param"] = {"top_k": count}
        if count <= _classes(net, scores):  # Caffe refuses five of four
            ends.append(Layer("Accuracy", name, (scores, LABEL), (name,), params=params))
    return text.write(replace(net, layers=(*feeds, *layers, *ends), outputs=("loss",)), header)


def solver(network: str, prefix: str, training: Training) -> str:
    """The text of the solver for the file `network`; snapshots are called after `prefix`."""
    values = {
        "net": network,
        "test_iter": [EVALUATED // TEST_BATCH],
        "test_interval": 5000,
        "base_lr": 0.5,
        "display": 20,
        "max_iter": 300_000,
        "lr_policy": "poly",
        "power": 1.0,
        "momentum": 0.9,
        "weight_decay": 0.0,
        "snapshot": 5000,
        "snapshot_prefix": prefix,
        "solver_mode": "GPU",
        "iter_size": max(1, BATCH // training.part),
        "type": "Nesterov",
    }
    kind = message("SolverParameter")
    made = kind()
    for name, value in values.items():
        field = kind.DESCRIPTOR.fields_by_name[name]
        if name == "test_iter":
            made.test_iter.extend(value)
        else:
            setattr(made, name, field.enum_type.values_by_name[value].number if field.enum_type else value)
    return str(text_format.MessageToString(made))


def _header(preprocessing: Preprocessing) -> str:
    told = "" if preprocessing.swap else "; their order goes on to the network, which was made for RGB"
    return f"For `caffe train`. The databases hold Caffe's Datum records, BGR as its own tools write them{told}."


def _image(net: Net) -> tuple[str, int]:
    """The one input and the side of its squares."""
    found = [(item.tops[0], net.inputs[item.tops[0]]) for item in net.layers if item.type == "Input"]
    if len(found) != 1 or len(found[0][1]) != 4 or found[0][1][2] != found[0][1][3]:
        raise ToolkitError("Caffe's data layers feed one input of square images (N, C, H, H); this network has another")
    return found[0][0], found[0][1][2]


def _any_batch(net: Net, batch: int) -> Net:
    """Reshapes that leave the batch alone say so (`dim: 0`), and every layer is proven to take another batch."""
    shapes = prove(net, {})
    layers = []
    for item in net.layers:
        if item.type == "Reshape":
            dims = list(item.values["shape"]["dim"])
            if dims and dims[0] == shapes[item.bottoms[0]][0] and item.values["axis"] == 0:
                params = dict(item.params["reshape_param"])
                item = replace(item, params={"reshape_param": {**params, "shape": {"dim": [0, *dims[1:]]}}})
        elif item.type == "Input":
            dims = list(item.values["shape"][0]["dim"])
            item = replace(item, params={"input_param": {"shape": [{"dim": [batch, *dims[1:]]}]}})
        layers.append(item)
    made = replace(net, layers=tuple(layers))
    try:
        found = prove(made, {})
    except Unsupported as error:
        raise ToolkitError(f"the network can't take a batch of {batch}: {error}") from error
    if any(found[name] != (batch, *shapes[name][1:]) for name in net.outputs):
        raise ToolkitError(f"the network mixes the images of a batch of {batch}")
    return made


def _scores(net: Net) -> tuple[str, tuple[Layer, ...]]:
    """The blob of the scores before any Softmax, which the loss has in itself, and the layers but for the input."""
    layers = tuple(item for item in net.layers if item.type != "Input")
    if len(net.outputs) != 1:
        raise ToolkitError(f"a loss needs one output, the scores of the classes; there are {', '.join(net.outputs)}")
    last = layers[-1]
    if last.type == "Softmax" and last.tops == net.outputs:
        return last.bottoms[0], layers[:-1]
    return net.outputs[0], layers


def _classes(net: Net, scores: str) -> int:
    shape = prove(net, {})[scores]
    if len(shape) < 2 or any(size != 1 for size in shape[2:]):
        raise ToolkitError(f"a loss needs scores of shape (N, classes); '{scores}' has the shape {shape}")
    return shape[1]


def _data(top: str, source: str, size: int, scale: float, batch: int, phase: str) -> Layer:
    """A data layer: squares cut at random and mirrored in training, from the middle in testing."""
    transform: Mapping[str, Any] = {"scale": scale, "crop_size": size, **({"mirror": True} if phase == "TRAIN" else {})}
    params = {
        "include": [{"phase": phase}],
        "transform_param": transform,
        "data_param": {"source": source, "batch_size": batch, "backend": "LMDB"},
    }
    return Layer("Data", f"{top}-{phase.lower()}", (), (top, LABEL), params=params)
