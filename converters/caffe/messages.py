"""A NetParameter message of any version -> Net: upgraded, inputs as Input layers, weights that stand inline kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from converters.caffe.net import Array, Layer, Net
from converters.caffe.traits import of
from converters.caffe.upgrade import BadUpgrade, upgraded
from converters.errors import InvalidInput

LAYER_FIELDS = ("name", "type", "bottom", "top", "blobs")


def to_net(proto: Any, where: str, unknown: Sequence[Mapping[str, Any]] = ()) -> Net:
    """The network that a message describes. `where` names the file in errors.

    `unknown` holds for each layer of the file what the schema has no field for: it joins the layer's parameters, so
    that who needs the layer can refuse it by name.
    """
    try:
        messages = upgraded(proto)
    except BadUpgrade as error:
        raise InvalidInput(f"{where}: {error}") from error
    layers = [_layer(item, where) for item in messages]
    if len(unknown) == len(layers):
        layers = [replace(one, params=_merged(one.params, more)) for one, more in zip(layers, unknown, strict=True)]
    layers = [*_legacy_inputs(proto, where), *(_with_shapes(one, where) for one in layers)]
    return Net(proto.name, tuple(layers), unread(layers))


def _layer(item: Any, where: str) -> Layer:
    if of(item.type).composite:
        raise InvalidInput(f"{where}: layer '{item.name}' has the type {item.type}, which Caffe does not have")
    values = plain(item)
    for key in LAYER_FIELDS:
        values.pop(key, None)
    for group, old in (("concat_param", "concat_dim"), ("slice_param", "slice_dim")):  # names of 2014 and before
        if old in values.get(group, {}):
            values[group]["axis"] = values[group].pop(old)
    blobs = tuple(_blob(blob, f"{where}: layer '{item.name}'") for blob in item.blobs)
    return Layer(item.type, item.name, tuple(item.bottom), tuple(item.top), values, blobs)


def _blob(proto: Any, where: str) -> Array:
    """Numbers that stand in the structure itself; the shape may be that of old files: num, channels, height, width."""
    numbers = np.array(proto.data or proto.double_data, np.float32)
    legacy = [getattr(proto, name) for name in ("num", "channels", "height", "width") if proto.HasField(name)]
    dims = [proto.num, proto.channels, proto.height, proto.width] if legacy else list(proto.shape.dim)
    shape = tuple(dims) if legacy or proto.HasField("shape") else (numbers.size,) * (numbers.size != 1)
    if any(size < 0 for size in shape) or prod(shape) != numbers.size:
        raise InvalidInput(f"{where}: a blob of shape {shape} has {numbers.size} numbers")
    return numbers.reshape(shape)


def plain(proto: Any) -> dict[str, Any]:
    """The set fields of a message as a mapping: messages as mappings, enums as names."""
    values: dict[str, Any] = {}
    for field, value in proto.ListFields():
        if field.name == "blobs":
            continue
        if field.message_type is not None:
            values[field.name] = [plain(item) for item in value] if field.is_repeated else plain(value)
        elif field.enum_type is not None and not field.is_repeated:
            values[field.name] = field.enum_type.values_by_number[value].name
        else:
            values[field.name] = list(value) if field.is_repeated else value
    return values


def _merged(known: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    both = dict(known)
    for name, value in more.items():
        ours = both.get(name)
        both[name] = _merged(ours, value) if isinstance(ours, Mapping) and isinstance(value, Mapping) else value
    return both


def _with_shapes(layer: Layer, where: str) -> Layer:
    """An Input layer with one shape a top: Caffe lets all share one. None given is () for each, to be told later."""
    if layer.type != "Input":
        return layer
    shapes = [{"dim": list(shape.get("dim", ()))} for shape in layer.params.get("input_param", {}).get("shape", ())]
    count = len(layer.tops)
    if len(shapes) not in (0, 1, count):
        raise InvalidInput(f"{where}: layer '{layer.name}' has {count} tops but {len(shapes)} shapes")
    if len(shapes) != count:
        shapes = [shapes[0] if shapes else {"dim": []}] * count
    return replace(layer, params={**layer.params, "input_param": {"shape": shapes}})


def _legacy_inputs(proto: Any, where: str) -> list[Layer]:
    if not proto.input:
        return []
    shapes = [list(shape.dim) for shape in proto.input_shape]
    if not shapes:
        dims = list(proto.input_dim)
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)] or [[]] * len(proto.input)
    if len(shapes) != len(proto.input):
        raise InvalidInput(f"{where}: {len(proto.input)} inputs but {len(shapes)} input shapes")
    return [
        Layer("Input", name, (), (name,), {"input_param": {"shape": [{"dim": dims}]}})
        for name, dims in zip(proto.input, shapes, strict=True)
    ]


def unread(layers: Sequence[Layer]) -> tuple[str, ...]:
    """Blobs whose last version nobody reads: what Caffe calls the outputs of a net."""
    outputs: dict[str, None] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            outputs.pop(bottom, None)
        outputs.update(dict.fromkeys(layer.tops))
    return tuple(outputs)
