"""The limits that a user's file can set: each a function from the file's value to a check, ValueError if it is bad."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from converters.caffe import schema, traits
from converters.caffe.graph import Node
from converters.caffe.net import Shape
from converters.caffe.values import spatial
from converters.dialects.base import Check

Maker = Callable[[Any], Check]


def _positive(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"must be a whole number above 0, not {value!r}")
    return value


def _natural(value: Any) -> int:
    return 0 if value == 0 and not isinstance(value, bool) else _positive(value)


def _shapes(node: Node) -> list[Shape]:
    return [*(bottom.shape for bottom in node.bottoms), *node.shapes]


def max_axes(value: Any) -> Check:
    """No blob of the layer has more axes."""
    most = _positive(value)

    def check(node: Node) -> str:
        rank = max(map(len, _shapes(node)), default=0)
        return f"a blob of {rank} axes; the chip has {most}" if rank > most else ""

    return check


def max_channels(value: Any) -> Check:
    """No blob of the layer has more channels (axis 1)."""
    most = _positive(value)

    def check(node: Node) -> str:
        channels = max((shape[1] for shape in _shapes(node) if len(shape) > 1), default=0)
        return f"{channels} channels; the chip takes {most}" if channels > most else ""

    return check


def max_size(value: Any) -> Check:
    """No blob of the layer is longer along any axis after the channels."""
    most = _positive(value)

    def check(node: Node) -> str:
        size = max((size for shape in _shapes(node) for size in shape[2:]), default=0)
        return f"an axis of {size}; the chip takes {most}" if size > most else ""

    return check


def max_batch(value: Any) -> Check:
    """No blob of the layer has more images (axis 0)."""
    most = _positive(value)

    def check(node: Node) -> str:
        batch = max((shape[0] for shape in _shapes(node) if len(shape) > 1), default=0)
        return f"a batch of {batch}; the chip takes {most}" if batch > most else ""

    return check


def max_bottoms(value: Any) -> Check:
    """The layer reads no more blobs."""
    most = _positive(value)

    def check(node: Node) -> str:
        return f"{len(node.bottoms)} bottoms; the chip takes {most}" if len(node.bottoms) > most else ""

    return check


ANY_LAYER: Mapping[str, Maker] = {
    "max_axes": max_axes,
    "max_batch": max_batch,
    "max_bottoms": max_bottoms,
    "max_channels": max_channels,
    "max_size": max_size,
}


def spatial_limits(kind: str) -> Mapping[str, Maker]:
    """The limits on kernel, stride, pad and dilation, for layers that have them."""
    if not traits.of(kind).windows:
        return {}
    found: dict[str, Maker] = {
        "kernels": partial(_one_of, kind),
        "max_kernel": partial(_at_most, kind, "kernel_size"),
        "max_stride": partial(_at_most, kind, "stride"),
        "max_pad": partial(_at_most, kind, "pad"),
    }
    return {**found, "max_dilation": partial(_at_most, kind, "dilation")} if traits.of(kind).convolves else found


def _along_axes(node: Node, name: str) -> list[int]:
    """Kernel, stride, pad or dilation along each axis; a global pooling's kernel is the whole image."""
    if node.type == "Pooling" and node.values["global_pooling"]:
        return list(node.bottoms[0].shape[2:]) if name == "kernel_size" else []
    return [int(value) for value in spatial(node.values, name, node.bottoms[0].rank - 2)]


def _at_most(kind: str, name: str, value: Any) -> Check:
    most = _natural(value) if name == "pad" else _positive(value)

    def check(node: Node) -> str:
        found = max(_along_axes(node, name), default=0)
        return f"{kind} with {name} {found}; the chip takes {most}" if found > most else ""

    return check


def _one_of(kind: str, value: Any) -> Check:
    if not isinstance(value, list) or not value:
        raise ValueError(f"must be a list of kernel sizes, not {value!r}")
    sizes = [_positive(size) for size in value]

    def check(node: Node) -> str:
        other = [size for size in _along_axes(node, "kernel_size") if size not in sizes]
        shown = ", ".join(map(str, sizes))
        return f"{kind} with a kernel of {other[0]}; the chip takes {shown}" if other else ""

    return check


def allowed(kind: str, group: str, field: str, values: Any) -> Check:
    """A field of the layer's parameter message `group` has one of these values.

    The text "channels" stands for the number of channels that come in.
    """
    default = _default(kind, group, field)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{field} must be a list of the values that are allowed, not {values!r}")

    def check(node: Node) -> str:
        value = node.params.get(group, {}).get(field, default)
        channels = node.bottoms[0].shape[1] if node.bottoms and node.bottoms[0].rank > 1 else 0
        fits = value in [channels if one == "channels" else one for one in values]
        shown = " or ".join(map(str, values))
        return "" if fits else f"{kind} with {field} {value}; the chip takes {shown}"

    return check


def _default(kind: str, group: str, field: str) -> Any:
    """What the field is where a file does not name it."""
    message = schema.message("LayerParameter").DESCRIPTOR.fields_by_name[group].message_type if group else None
    found = message.fields_by_name.get(field) if message else None
    if found is None:
        raise ValueError(f"{field} is no parameter of {kind}")
    if found.message_type is not None or isinstance(found.default_value, list):
        raise ValueError(f"{field} has no single value")
    if found.enum_type is not None:
        return found.enum_type.values_by_number[found.default_value].name
    return found.default_value
