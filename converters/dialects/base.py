"""What a dialect is: for every layer type it has, the parameter fields it reads and the limits it sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from converters.caffe.graph import Blob, Node
from converters.caffe.traits import STAND_IN

Check = Callable[[Node], str]  # the reason why a layer is not accepted, or ''
Rewriter = Callable[[Node], "Blob | tuple[Blob, ...]"]  # a layer -> blobs equal to its tops; Unsupported where it can't

# Fields that only training reads, and how a layer is wired: every engine takes or ignores them.
NEUTRAL = {"param", "include", "exclude", "phase", "loss_weight", "propagate_down"}
TRAINING_FIELDS = {"weight_filler", "bias_filler", "filler", "engine"}


@dataclass(frozen=True)
class Rule:
    """One layer type of a dialect: its parameter message, the fields that the engine knows there, and its limits."""

    message: str = ""
    fields: frozenset[str] = frozenset()
    checks: tuple[Check, ...] = ()

    def blocks(self, node: Node) -> str:
        """Why the engine would not compute this layer as meant, or ''."""
        for group, values in node.params.items():
            if group in NEUTRAL:
                continue
            if group != self.message:
                return f"{node.type} has no {group}"
            unknown = [name for name in values if name not in self.fields and name not in TRAINING_FIELDS]
            if unknown:
                return f"{node.type} does not know {', '.join(unknown)}"
        return next((reason for check in self.checks if (reason := check(node))), "")


def rule(message: str = "", fields: str = "", *checks: Check) -> Rule:
    """Shorthand: fields as one string."""
    return Rule(message, frozenset(fields.split()), checks)


@dataclass(frozen=True)
class Dialect:
    """A Caffe: its name, what it is in a sentence, its layers, and the rewrites that may not be used for it."""

    name: str
    title: str
    layers: Mapping[str, Rule]
    forbidden: frozenset[str] = frozenset()
    engines: tuple[str, ...] = ("caffe",)  # the runtimes that speak it, the quickest to start first
    slow: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)  # what is accepted and costs, by type of layer
    avoided: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)  # what is accepted where nothing else serves

    def blocks(self, node: Node) -> str:
        """Why this dialect does not take the layer, or ''."""
        if node.type == STAND_IN:
            return ""
        if node.type not in self.layers:
            return f"{self.name} has no {node.type} layer"
        return self.layers[node.type].blocks(node)

    def slows(self, node: Node) -> str:
        """Why the chip would compute the layer on its CPU, or ''."""
        return next((reason for check in self.slow.get(node.type, ()) if (reason := check(node))), "")

    def avoids(self, node: Node) -> str:
        """Why another layer is better where one says the same, or ''."""
        return next((reason for check in self.avoided.get(node.type, ()) if (reason := check(node))), "")


def intersection(*tables: Mapping[str, Rule]) -> dict[str, Rule]:
    """The layers that every dialect has, with the fields that all of them read, under the limits of each."""
    first, *rest = tables
    common: dict[str, Rule] = {}
    for kind in first:
        if not all(kind in table for table in rest):
            continue
        rules = [table[kind] for table in tables]
        if len({one.message for one in rules}) == 1:
            checks = dict.fromkeys(check for one in rules for check in one.checks)
            fields = frozenset.intersection(*(one.fields for one in rules))
            common[kind] = Rule(rules[0].message, fields, tuple(checks))
    return common
