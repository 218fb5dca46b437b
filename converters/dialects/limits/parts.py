"""Parts of a layer type that may have limits of their own, by the name of their table: which layers belong to each."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from converters.caffe import traits
from converters.caffe.graph import Node
from converters.dialects.base import Check

Belongs = Callable[[Node], bool]


def _pools(method: str) -> Belongs:
    return lambda node: not node.values["global_pooling"] and node.values["pool"] == method


def _computed(node: Node) -> bool:
    return len(node.bottoms) > 1


OPERAND: Mapping[str, Belongs] = {"LEARNED": lambda node: not _computed(node), "COMPUTED": _computed}
POOLING: Mapping[str, Belongs] = {
    "MAX": _pools("MAX"),
    "AVE": _pools("AVE"),
    "GLOBAL": lambda node: bool(node.values["global_pooling"]),
}


def parts_of(kind: str) -> Mapping[str, Belongs]:
    """The parts of a layer type, none for most: poolings by method, operands that are learned or come from a blob."""
    row = traits.of(kind)
    return OPERAND if row.broadcasts else POOLING if row.windows and not row.convolves else {}


def only_for(belongs: Belongs, check: Check) -> Check:
    """The check for the layers alone that belong to a part."""
    return lambda node: check(node) if belongs(node) else ""
