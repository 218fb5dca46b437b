"""A net as its file has it -> the layers of one phase, for inference: data layers become inputs, losses go.

Caffe filters layers by `include` and `exclude` when it builds a net; other engines keep every layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from converters.caffe.messages import unread
from converters.caffe.net import Layer, Net, Shape
from converters.errors import ToolkitError

DATA = {
    *("AnnotatedData", "Data", "HDF5Data", "ImageData", "MemoryData", "VideoData", "WindowData", "ImageSegData"),
}
# Layers that only training or testing needs. SoftmaxWithLoss and its like become what they are made of.
JUDGES = {
    *("Accuracy", "ContrastiveLoss", "DetectionEvaluate", "EuclideanLoss", "HDF5Output", "HingeLoss", "InfogainLoss"),
    *("MultiBoxLoss", "MultinomialLogisticLoss", "Silence", "SmoothL1Loss"),
}
BECOME = {"SoftmaxWithLoss": "Softmax", "SigmoidCrossEntropyLoss": "Sigmoid"}
WIRING = ("include", "exclude", "phase", "loss_weight", "propagate_down", "param", "transform_param", "loss_param")


@dataclass(frozen=True)
class State:
    """What a net is built for; `include` and `exclude` rules ask for it."""

    phase: str = "TEST"
    level: int = 0
    stages: frozenset[str] = frozenset()

    def meets(self, rule: Mapping[str, Any]) -> bool:
        """Whether a NetStateRule holds."""
        return (
            rule.get("phase", self.phase) == self.phase
            and rule.get("min_level", self.level) <= self.level <= rule.get("max_level", self.level)
            and self.stages.issuperset(rule.get("stage", ()))
            and self.stages.isdisjoint(rule.get("not_stage", ()))
        )

    def includes(self, layer: Layer) -> bool:
        """Whether Caffe would build the layer. It takes rules of one kind: with `include`, one of them must hold."""
        include = layer.params.get("include", ())
        if include:
            return any(self.meets(rule) for rule in include)
        return not any(self.meets(rule) for rule in layer.params.get("exclude", ()))


def for_inference(net: Net, state: State | None = None, inputs: Mapping[str, Sequence[int]] | None = None) -> Net:
    """The layers that make the net's answers, with Input layers for what data layers would feed.

    `inputs` gives shapes for blobs: of inputs whose shape the file does not tell, or that shall have another, or of a
    blob inside the net that is to be fed instead of computed. What only judges of the net read (labels) goes.
    """
    state = state or State()
    given = {name: tuple(shape) for name, shape in (inputs or {}).items()}
    layers: list[Layer] = []
    for layer in net.layers:
        if state.includes(layer):
            layers.extend(_for_inference(layer, given))
    layers = _fed(layers, given)
    inputs_there = {top: layer for layer in layers if layer.type == "Input" for top in layer.tops}
    for name in given:
        if name not in inputs_there:
            raise ToolkitError(f"a shape is given for '{name}'; the inputs are {', '.join(inputs_there) or 'none'}")
    silenced = {bottom for layer in net.layers if layer.type == "Silence" for bottom in layer.bottoms}
    made = {top for layer in layers if layer.type != "Input" for top in layer.tops}
    answers = [top for top in unread(layers) if top not in silenced and top in made]
    declared = {top for layer in net.layers if layer.type == "Input" for top in layer.tops}
    return Net(net.name, tuple(_needed(layers, answers, declared)), tuple(answers))


def _for_inference(layer: Layer, given: Mapping[str, Shape]) -> Iterable[Layer]:
    layer = replace(layer, params={key: value for key, value in layer.params.items() if key not in WIRING})
    if layer.type in JUDGES:
        return
    if layer.type in BECOME:
        kind = BECOME[layer.type]
        top = layer.tops[1] if len(layer.tops) > 1 else layer.tops[0] if layer.tops else layer.name
        kept = {key: value for key, value in layer.params.items() if key == "softmax_param" and kind == "Softmax"}
        yield replace(layer, type=kind, bottoms=layer.bottoms[:1], tops=(top,), params=kept)
    elif layer.type == "Input" or (not layer.bottoms and _fills(layer)):
        yield layer if layer.type == "Input" else _input(layer.name, layer.tops, _dummy_shapes(layer))
    elif layer.type in DATA or (layer.type == "Python" and not layer.bottoms):
        for top in layer.tops:
            yield _input(top, (top,), [given.get(top, _data_shape(layer, top))])
    else:
        yield layer


def _fills(layer: Layer) -> bool:
    """Whether a DummyData makes random numbers: it stands for an input then, and not for a constant."""
    fillers = layer.params.get("dummy_data_param", {}).get("data_filler", ())
    return layer.type == "DummyData" and any(filler.get("type", "constant") != "constant" for filler in fillers)


def _dummy_shapes(layer: Layer) -> list[Sequence[int]]:
    param = layer.params.get("dummy_data_param", {})
    shapes: list[Sequence[int]] = [list(shape.get("dim", ())) for shape in param.get("shape", ())]
    old = [param.get(name, []) for name in ("num", "channels", "height", "width")]
    shapes = shapes or [list(dims) for dims in zip(*old, strict=False)]
    return shapes if len(shapes) == len(layer.tops) else [shapes[0] if shapes else []] * len(layer.tops)


def _data_shape(layer: Layer, top: str) -> Sequence[int]:
    """What a data layer's own parameters tell of its first top; () where the data itself decides."""
    if top != layer.tops[0]:
        return ()
    memory = layer.params.get("memory_data_param", {})
    sizes = [memory.get(name, 0) for name in ("batch_size", "channels", "height", "width")]
    return sizes if all(sizes) else ()


def _input(name: str, tops: Sequence[str], shapes: Sequence[Sequence[int]]) -> Layer:
    return Layer("Input", name, (), tuple(tops), {"input_param": {"shape": [{"dim": list(s)} for s in shapes]}})


def _fed(layers: Sequence[Layer], given: Mapping[str, Shape]) -> list[Layer]:
    """The layers with the given shapes for inputs; a blob inside the net that has one is an input from there on."""
    fed: list[Layer] = []
    for layer in layers:
        inside = [top for top in layer.tops if top in given and layer.type != "Input"]
        if layer.type == "Input":
            old = [shape["dim"] for shape in layer.params["input_param"]["shape"]]
            dims = [given.get(top, dim) for top, dim in zip(layer.tops, old, strict=True)]
            fed.append(_input(layer.name, layer.tops, dims))
        elif inside and set(inside) == set(layer.tops):
            fed.extend(_input(top, (top,), [given[top]]) for top in inside)
        else:
            fed.append(layer)
    return fed


def _needed(layers: Sequence[Layer], answers: Sequence[str], declared: Set[str]) -> list[Layer]:
    """The layers that the answers need, and the inputs that the file declares. A label of a data layer is neither."""
    wanted = set(answers)
    kept: list[Layer] = []
    for layer in reversed(layers):
        tops = wanted.intersection(layer.tops) or (declared & set(layer.tops) if layer.type == "Input" else ())
        if tops:
            wanted.update(layer.bottoms)
            kept.append(layer)
    return kept[::-1]
