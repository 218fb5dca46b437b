"""A caffemodel alone -> the Net that it tells of: its layers and their parameters.

Caffe's snapshots hold the whole network, but forks give one field number several meanings. So a parameter message is
taken for what the layer's type has, under whatever number, where its fields and their wire types fit; and what can't be
told joins the layer's parameters under its number, so that who needs the layer refuses it by name.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError

from converters.caffe import traits
from converters.caffe.binary import V0, VERSIONS
from converters.caffe.messages import to_net
from converters.caffe.net import Layer, Net
from converters.caffe.phase import BECOME, JUDGES
from converters.caffe.schema import message
from converters.errors import InvalidInput
from converters.wire import LENGTH, VARINT, Field, Malformed, encode_bytes, encode_varint, fields, tag

SUFFIX = ".caffemodel"
MOST_BYTES, MOST_FIELDS = 8 * 2**20, 200_000  # without weights, as much as a prototxt may have
COMMON = 101  # the fields up to this number belong to layers of every type
FORKS = 145  # from here on forks have their own messages under BVLC's numbers
OURS = range(1000, 1100)  # numbers within messages that we made up for fields of forks: no file means those by them
# Fields within Caffe's own messages whose number other forks gave to something else.
CLASHES = {
    ("PoolingParameter", 13): "round_mode in BVLC, ceil_mode in brocolli and OpenCV: give the prototxt as well",
}
WIRES = {
    FieldDescriptor.CPPTYPE_FLOAT: 5,
    FieldDescriptor.CPPTYPE_DOUBLE: 1,
    FieldDescriptor.CPPTYPE_STRING: LENGTH,
    FieldDescriptor.CPPTYPE_MESSAGE: LENGTH,
}
TRAIN = 0
Unknown = dict[str, Any]


def is_binary(path: Path) -> bool:
    """Whether the structure is to be taken from a caffemodel; its first bytes may be those of a prototxt."""
    return path.suffix == SUFFIX


def read(path: Path) -> Net:
    """The network in a caffemodel of any version. Blobs that nothing makes become inputs without a shape."""
    if path.stat().st_size == 0:
        raise InvalidInput(f"{path}: it is empty")
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    try:
        content, unknown = _Reader(data).net()
        proto = message("NetParameter").FromString(content)
        if not len(proto.layer) + len(proto.layers):
            raise Malformed("it has no layers")
        _drop_spent_rules(proto)
        return _with_inputs(to_net(proto, str(path), unknown))
    except (Malformed, DecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: not a caffemodel that can be read: {str(error)[:300]}") from error


class _Reader:
    """A mapped file, and how much of it may still be taken."""

    def __init__(self, data: memoryview) -> None:
        self.data, self.left, self.room = data, MOST_FIELDS, MOST_BYTES

    def fields(self, at: int, end: int) -> Iterator[Field]:
        """The fields in a range, counted."""
        for field in fields(self.data, at, end):
            self.left -= 1
            if self.left < 0:
                raise Malformed(f"it has more than {MOST_FIELDS:,} fields beside its weights")
            yield field

    def kept(self, field: Field, number: int = 0) -> bytes:
        """A field as it stands in the file, or under another number."""
        own, wire, start, stop = field
        head = tag(number or own, wire)
        if wire == VARINT:
            return head + encode_varint(start)
        return head + (encode_varint(stop - start) if wire == LENGTH else b"") + self.content(start, stop)

    def content(self, start: int, stop: int) -> bytes:
        """The bytes in a range, counted."""
        self.room -= stop - start
        if self.room < 0:
            raise Malformed(f"it has more than {MOST_BYTES >> 20} MiB beside its weights")
        return bytes(self.data[start:stop])

    def net(self) -> tuple[bytes, list[Unknown]]:
        """The message without weights, in our schema's numbers; and for each layer what it has beyond the schema."""
        descriptor = message("NetParameter").DESCRIPTOR
        content, unknown = bytearray(), list[Unknown]()
        for field in self.fields(0, len(self.data)):
            number, wire, start, stop = field
            if number in VERSIONS and wire == LENGTH:
                layer, more = self.layer(start, stop) if number == 100 else (self.old_layer(start, stop), {})
                content += encode_bytes(number, layer)
                unknown.append(more)
                continue
            if misfit := self.misfit(field, descriptor):
                raise Malformed(f"{misfit} of the net is not known")
            content += self.kept(field)
        return bytes(content), unknown

    def old_layer(self, at: int, end: int) -> bytes:
        """A V1 layer, and a V0 layer in it, without weights. No fork's fields are known for those."""
        content = bytearray()
        for field in self.fields(at, end):
            number, wire, start, stop = field
            if number == VERSIONS[2][2] and wire == LENGTH:
                content += encode_bytes(
                    number, self.without(V0[1], message("V0LayerParameter").DESCRIPTOR, start, stop)
                )
            elif (number, wire) != (VERSIONS[2][1], LENGTH):
                content += self.known(field, message("V1LayerParameter").DESCRIPTOR)
        return bytes(content)

    def without(self, blobs: int, descriptor: Descriptor, at: int, end: int) -> bytes:
        """A message without its blobs, which have this number."""
        return b"".join(
            self.known(field, descriptor) for field in self.fields(at, end) if (field[0], field[1]) != (blobs, LENGTH)
        )

    def known(self, field: Field, descriptor: Descriptor) -> bytes:
        """A field that must be known."""
        if misfit := self.misfit(field, descriptor):
            raise Malformed(f"{misfit} of a {descriptor.name} is not known; give the prototxt as well")
        return self.kept(field)

    def layer(self, at: int, end: int) -> tuple[bytes, Unknown]:
        """A V2 layer without weights, its type's own parameters under our number, and what can't be told."""
        descriptor = message("LayerParameter").DESCRIPTOR
        found = [field for field in self.fields(at, end) if not _is_blob(field, VERSIONS[100])]
        own = descriptor.fields_by_name.get(self.own(found))
        moved = self.moved(found, own) if own is not None else 0
        content, unknown = bytearray(), Unknown()
        for field in found:
            number = field[0]
            if own is not None and number == moved:
                content += self.kept(field, own.number)
                continue
            meant = descriptor.fields_by_number.get(number) if number < FORKS or _is(own, number) else None
            misfit = self.misfit(field, descriptor) if meant is not None else f"field {number}"
            if meant is not None and misfit and meant.message_type is not None and not meant.is_repeated:
                unknown[meant.name] = {misfit: None}
            elif misfit:
                unknown[f"{misfit} of {meant.name}" if meant is not None else misfit] = None
            if meant is not None:
                content += self.kept(field)
        return bytes(content), unknown

    def own(self, found: Sequence[Field]) -> str:
        """The parameter message of the layer's type."""
        kinds = [self.content(start, stop) for number, wire, start, stop in found if (number, wire) == (2, LENGTH)]
        return traits.of(kinds[-1].decode() if kinds else "").message

    def moved(self, found: Sequence[Field], own: FieldDescriptor) -> int:
        """The number under which a fork has the parameters of the layer's type, if it is not ours; 0 if none fits."""
        if own.number < FORKS or any(field[0] == own.number for field in found):
            return 0
        fitting = {
            field[0]
            for field in found
            if field[0] > COMMON and field[1] == LENGTH and not self.inner(field, own.message_type)
        }
        return fitting.pop() if len(fitting) == 1 else 0

    def misfit(self, field: Field, descriptor: Descriptor) -> str:
        """What in a field is none of a message of this descriptor; "" where all of it is."""
        number, wire, start, stop = field
        meant = descriptor.fields_by_number.get(number)
        if clash := CLASHES.get((descriptor.name, number)):
            return f"field {number} ({clash})"
        if meant is None or (number in OURS and descriptor.name != "LayerParameter"):
            return f"field {number}"
        packed = wire == LENGTH and meant.is_repeated and WIRES.get(meant.cpp_type) != LENGTH
        if wire != WIRES.get(meant.cpp_type, VARINT) and not packed:
            return f"field {number} of wire type {wire}"
        if meant.enum_type is not None and wire == VARINT and start not in meant.enum_type.values_by_number:
            return f"field {number} with the value {start}"
        if meant.type == FieldDescriptor.TYPE_STRING:
            self.content(start, stop).decode()
        return self.inner(field, meant.message_type) if meant.message_type is not None else ""

    def inner(self, field: Field, descriptor: Descriptor) -> str:
        """The first misfit in a message."""
        try:
            return next(filter(None, (self.misfit(one, descriptor) for one in self.fields(field[2], field[3]))), "")
        except Malformed as error:
            return f"broken content ({error})"


def _is_blob(field: Field, numbers: tuple[int, int, int]) -> bool:
    return field[:2] == (numbers[1], LENGTH)


def _is(own: FieldDescriptor | None, number: int) -> bool:
    return own is not None and own.number == number


def _drop_spent_rules(proto: Any) -> None:
    """A snapshot is the net of one phase: Caffe has applied the rules of `include`, and left them in the file."""
    old = [rule.phase for layer in proto.layers for rule in layer.include if rule.HasField("phase")]
    if all(layer.HasField("phase") for layer in proto.layer) and set(old) <= {TRAIN}:
        for layer in (*proto.layer, *proto.layers):
            layer.ClearField("include")
            layer.ClearField("exclude")


def _with_inputs(net: Net) -> Net:
    """The net with an Input for what its layers read and none makes, as the snapshots of old Caffes have it."""
    made, missing = set[str](), dict[str, None]()
    for layer in net.layers:
        read = () if layer.type in JUDGES else layer.bottoms[:1] if layer.type in BECOME else layer.bottoms
        missing.update((bottom, None) for bottom in read if bottom not in made)
        made.update(layer.tops)
    param: dict[str, Any] = {"input_param": {"shape": [{"dim": []}]}}
    return replace(net, layers=(*(Layer("Input", name, (), (name,), param) for name in missing), *net.layers))
