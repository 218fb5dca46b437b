"""prototxt <-> Net: the structure of a network as protobuf text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from google.protobuf.descriptor import FieldDescriptor

from converters.caffe import loose_text
from converters.caffe.messages import to_net
from converters.caffe.net import Net
from converters.caffe.schema import message
from converters.errors import InvalidInput

MAX_BYTES = 8 * 2**20  # a prototxt of a thousand layers has 300 KB
COMMENT = re.compile(rb"""("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')|#[^\n]*""")  # or text, which stays
PLAIN = re.compile(r"[A-Za-z0-9_./:+-]*")  # what text of protobuf holds as it is
MAX_FIELDS = 200_000  # and some 20,000 fields


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
    lines = [f"# {line}\n" for line in header.splitlines()]
    proto = to_message(net)
    lines.append(f"name: {_quoted(proto.name)}\n")
    known: dict[bytes, str] = {}
    for item in proto.layer:
        lines += ["layer {\n", f"  name: {_quoted(item.name)}\n", f"  type: {_quoted(item.type)}\n"]
        lines += [f"  bottom: {_quoted(name)}\n" for name in item.bottom]
        lines += [f"  top: {_quoted(name)}\n" for name in item.top]
        lines += [_parameters(item, known), "}\n"]
    return "".join(lines)


def _parameters(item: Any, known: dict[bytes, str]) -> str:
    """All of a layer but its names. Parsing is slow, so what is the same in many layers is written and read once."""
    for field in ("name", "type", "bottom", "top"):
        item.ClearField(field)
    key = item.SerializeToString()
    if key not in known:
        known[key] = _checked(item, indent=2)
    return known[key]


def _checked(part: Any, indent: int = 0) -> str:
    """A message as text, checked by reading it back."""
    text: str = text_format.MessageToString(part, indent=indent)
    again = type(part)()
    text_format.Parse(text, again)
    if again != part:
        raise RuntimeError("the prototxt does not read back as it was written")
    return text


def _quoted(name: str) -> str:
    """A name between quotes; with escapes, and checked, where it is not plain."""
    if PLAIN.fullmatch(name):
        return f'"{name}"'
    return _checked(message("LayerParameter")(name=name)).removeprefix("name: ").rstrip("\n")


def read(path: Path) -> Net:
    """Read a prototxt of any version. What does not parse is InvalidInput; `input:` fields become Input layers.

    A field that the schema does not know stays in its layer's parameters, where it is part of a message: text_format
    would lose it. Anywhere else it is an error.
    """
    try:
        content = _content(path)
        _need_layers(path, content)
        proto, unknown = _parsed(content)
        return to_net(proto, str(path), unknown)
    except (text_format.ParseError, ValueError, RecursionError) as error:
        raise InvalidInput(f"{path}: not a prototxt that can be read: {' '.join(str(error).split())[:300]}") from error


def need_layers(path: Path) -> None:
    """Raise InvalidInput for a prototxt without a network: each engine would fail in its own way, and say little."""
    try:
        _need_layers(path, _content(path))
    except ValueError as error:
        raise InvalidInput(f"{path}: not a prototxt that can be read: {error}") from error


def _need_layers(path: Path, content: str) -> None:
    lines = [line for line in content.splitlines() if not line.lstrip().startswith("#")]
    if not "".join(lines).strip():
        raise InvalidInput(f"{path} is empty" + (", apart from comments" if content.strip() else ""))
    if not any("layer" in line or "input" in line for line in lines):
        raise InvalidInput(f"{path} is not a network: it has no layers")


def _content(path: Path) -> str:
    """The text. Comments may be in any encoding, since people write them in their own; what counts is UTF-8."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InvalidInput(f"{path}: a prototxt of more than {MAX_BYTES >> 20} MiB is not read")
    content = path.read_bytes()
    if content.count(b":") + content.count(b"{") > MAX_FIELDS:
        raise InvalidInput(f"{path}: a prototxt of more than {MAX_FIELDS:,} fields is not read")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return COMMENT.sub(lambda found: found[1] or b"", content).decode("utf-8")


def _parsed(content: str) -> tuple[Any, list[dict[str, Any]]]:
    """The message, and for each layer the fields of parameter messages that the schema lacks."""
    proto = message("NetParameter")()
    try:
        return text_format.Parse(content, proto), []
    except text_format.ParseError as error:
        strict = error
    if "has no field named" not in str(strict):
        raise strict
    root, layers = loose_text.parse(content), []
    for name, value in root:
        if name in ("layer", "layers") and isinstance(value, list):
            kind = message("LayerParameter" if name == "layer" else "V1LayerParameter").DESCRIPTOR
            found = loose_text.unknown(value, kind)
            if any(not isinstance(more, dict) for more in found.values()):
                raise strict
            layers.append(found)
    if loose_text.unknown([pair for pair in root if pair[0] not in ("layer", "layers")], proto.DESCRIPTOR):
        raise strict
    return text_format.Parse(content, message("NetParameter")(), allow_unknown_field=True), layers
