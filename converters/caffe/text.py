"""prototxt <-> Net: the structure of a network as protobuf text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from converters.caffe.net import Layer, Net
from converters.caffe.schema import message
from converters.errors import InvalidInput

MAX_BYTES = 64 * 2**20  # a prototxt of a thousand layers has 300 KB


def _fill(target: Any, values: Mapping[str, Any]) -> None:
    """Set the fields of a message from a mapping; an unknown field name or enum is an error, never dropped."""
    for key, value in values.items():
        field = target.DESCRIPTOR.fields_by_name.get(key)
        if field is None:
            raise ValueError(f"{target.DESCRIPTOR.name} has no field '{key}'")
        if field.is_repeated:
            items = getattr(target, key)
            for item in value if isinstance(value, list | tuple) else [value]:
                if field.message_type is not None:
                    _fill(items.add(), item)
                else:
                    items.append(_scalar(field, item))
        elif field.message_type is not None:
            part = getattr(target, key)
            part.SetInParent()
            _fill(part, value)
        else:
            setattr(target, key, _scalar(field, value))


def _scalar(field: FieldDescriptor, value: Any) -> Any:
    if field.enum_type is not None and isinstance(value, str):
        return field.enum_type.values_by_name[value].number
    return value


def to_message(net: Net) -> Any:
    """Return the NetParameter of a net, without weights."""
    proto = message("NetParameter")()
    proto.name = net.name
    for layer in net.layers:
        item = proto.layer.add(name=layer.name, type=layer.type, bottom=layer.bottoms, top=layer.tops)
        _fill(item, layer.params)
    return proto


def write(net: Net, header: str = "") -> str:
    """Return the prototxt of a net, checked by reading it back; `header` lines become comments at the top."""
    proto = to_message(net)
    text: str = text_format.MessageToString(proto)
    again = message("NetParameter")()
    text_format.Parse(text, again)
    if again != proto:
        raise RuntimeError("the prototxt does not read back as it was written")
    return "".join(f"# {line}\n" for line in header.splitlines()) + text


def _plain(proto: Any) -> dict[str, Any]:
    """Return the set fields of a message as a mapping: messages as mappings, enums as names."""
    values: dict[str, Any] = {}
    for field, value in proto.ListFields():
        if field.message_type is not None:
            values[field.name] = [_plain(item) for item in value] if field.is_repeated else _plain(value)
        elif field.enum_type is not None and not field.is_repeated:
            values[field.name] = field.enum_type.values_by_number[value].name
        else:
            values[field.name] = list(value) if field.is_repeated else value
    return values


def read(path: Path) -> Net:
    """Read a prototxt. Legacy `input:` fields become Input layers; a file that does not parse is InvalidInput."""
    if path.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{path}: a prototxt of more than {MAX_BYTES >> 20} MiB is not read")
    try:
        proto = text_format.Parse(path.read_text(encoding="utf-8"), message("NetParameter")())
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: not a prototxt that can be read: {error}") from error
    layers = _legacy_inputs(proto, path)
    for item in proto.layer:
        values = _plain(item)
        if "blobs" in values:
            raise InvalidInput(f"{path}: layer '{item.name}' has weights inline; put them into a caffemodel")
        for key in ("name", "type", "bottom", "top"):
            values.pop(key, None)
        layers.append(Layer(item.type, item.name, tuple(item.bottom), tuple(item.top), values))
    return Net(proto.name, tuple(layers), _unread(layers))


def _legacy_inputs(proto: Any, path: Path) -> list[Layer]:
    if not proto.input:
        return []
    shapes = [list(shape.dim) for shape in proto.input_shape]
    if not shapes:
        dims = list(proto.input_dim)
        shapes = [dims[i : i + 4] for i in range(0, len(dims), 4)]
    if len(shapes) != len(proto.input):
        raise InvalidInput(f"{path}: {len(proto.input)} inputs but {len(shapes)} input shapes")
    return [
        Layer("Input", name, (), (name,), {"input_param": {"shape": [{"dim": dims}]}})
        for name, dims in zip(proto.input, shapes, strict=True)
    ]


def _unread(layers: list[Layer]) -> tuple[str, ...]:
    """Blobs whose last version nobody reads: what Caffe calls the outputs of a net."""
    outputs: dict[str, None] = {}
    for layer in layers:
        for bottom in layer.bottoms:
            outputs.pop(bottom, None)
        outputs.update(dict.fromkeys(layer.tops))
    return tuple(outputs)
