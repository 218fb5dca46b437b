"""A user's own chip: a TOML file -> a dialect. `docs/dialects.md` explains every key by an example.

The file starts from a known dialect, adds or leaves out layers, and sets limits; what a layer means is not in the file.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.caffe.graph import Node
from converters.dialects import limits
from converters.dialects.base import Check, Dialect, Rule
from converters.dialects.known import DIALECTS
from converters.dialects.order import NAMES
from converters.errors import ToolkitError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOP = ("base", "title", "engines", "layers", "add", "remove", "forbid", "every", "layer", "slow")


@dataclass(frozen=True)
class Table:
    """One table of the file. Whatever is wrong with it is told by the file's name and the key."""

    file: Path
    path: str
    values: Mapping[str, Any]

    def wrong(self, key: str, what: str) -> ToolkitError:
        """The error about one key of this table."""
        return ToolkitError(f"{self.file}: {self.path}{key}: {what}")

    def only(self, known: tuple[str, ...]) -> None:
        """Refuse a key that means nothing: a limit misspelt would be no limit."""
        for key in self.values:
            if key not in known:
                raise self.wrong(key, f"is not a known key here; known: {', '.join(known)}")

    def table(self, key: str) -> Table:
        """A table inside this one, empty where it is left out."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            raise self.wrong(key, f"must be a table, [{self.path}{key}]")
        return Table(self.file, f"{self.path}{key}.", found)

    def text(self, key: str, default: str) -> str:
        """A text, or its default."""
        found = self.values.get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, f"must be a text, not {found!r}")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, empty where it is left out."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self.wrong(key, f"must be a list of texts, not {found!r}")
        return tuple(found)


def load(path: Path) -> Dialect:
    """Read the file; ToolkitError in one sentence where it is missing, no TOML, or says what means nothing."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ToolkitError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ToolkitError(f"{path}: not a TOML file: {error}") from error
    table = Table(path, "", found)
    table.only(TOP)
    name = table.text("base", "portable")
    if name not in DIALECTS:
        raise table.wrong("base", f"'{name}' is not a dialect; known: {', '.join(DIALECTS)}")
    base = DIALECTS[name]
    rules = _layers(table, base)
    return Dialect(
        path.stem,
        table.text("title", f"{base.name} as limited by {path.name}"),
        _limited(table, rules),
        _forbidden(table) | base.forbidden,
        table.texts("engines") or tuple(engine for engine in base.engines if rules.keys() <= _speaks(engine)),
        _slow(table.table("slow"), rules),
        {kind: checks for kind, checks in base.avoided.items() if kind in rules},
    )


# Layers of which there is nothing to say, so that they are the same whatever dialect a file starts from.
_PLAIN = {kind: rule for dialect in DIALECTS.values() for kind, rule in dialect.layers.items() if rule == Rule()}


def _speaks(engine: str) -> set[str]:
    """The layers of every dialect that the engine speaks."""
    return {kind for dialect in DIALECTS.values() if engine in dialect.engines for kind in dialect.layers}


def _layers(table: Table, base: Dialect) -> dict[str, Rule]:
    """The base's layers, or those of them that `layers` names, without `remove`, and `add`ed ones of other dialects."""
    kept = table.texts("layers") if "layers" in table.values else tuple(base.layers)
    removed = table.texts("remove")
    known = {**_PLAIN, **base.layers}
    for key, names in (("layers", kept), ("remove", removed)):
        for kind in names:
            if kind not in known:
                raise table.wrong(key, f"{base.name} has no {kind} layer" + _add_it(kind))
    rules = {kind: known[kind] for kind in ("Input", *kept) if kind not in removed}
    for wish in table.texts("add"):
        name, _, kind = wish.rpartition(":")
        having = [dialect for dialect in DIALECTS.values() if kind in dialect.layers and name in ("", dialect.name)]
        if not having:
            raise table.wrong("add", f"no dialect has '{wish}'; it is LAYER, or DIALECT:LAYER for that one's limits")
        rules[kind] = having[0].layers[kind]
    return rules


def _add_it(kind: str) -> str:
    return "; add = [...] takes it from another dialect" if any(kind in d.layers for d in DIALECTS.values()) else ""


def _forbidden(table: Table) -> frozenset[str]:
    for name in table.texts("forbid"):
        if name not in NAMES:
            raise table.wrong("forbid", f"'{name}' is not a rewrite; docs/dialects.md lists them")
    return frozenset(table.texts("forbid"))


def _limited(table: Table, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Put the limits of [every] on each layer, and those of [layer.X] on X."""
    every, own = _checks(table.table("every")), _own(table, rules)
    limited = {}
    for kind, rule in rules.items():
        unread = own.table(kind).texts("without")
        for name in unread:
            if name not in rule.fields:
                raise own.table(kind).wrong("without", f"{kind} has no {name} here")
        checks = (*rule.checks, *every, *_checks(own.table(kind), kind, rule.message))
        limited[kind] = replace(rule, fields=rule.fields - set(unread), checks=checks)
    return limited


def _slow(table: Table, rules: Mapping[str, Rule]) -> dict[str, tuple[Check, ...]]:
    """What is accepted and costs: layers that the chip computes on its CPU, and those beyond a limit of [slow]."""
    table.only(("layers", "every", "layer"))
    every, own = _checks(table.table("every")), _own(table, rules)
    slow = table.texts("layers")
    for kind in slow:
        if kind not in rules:
            raise table.wrong("layers", f"the dialect has no {kind} layer")
    checks = {
        kind: (*((_on_cpu,) if kind in slow else ()), *every, *_checks(own.table(kind), kind, rule.message))
        for kind, rule in rules.items()
    }
    return {kind: found for kind, found in checks.items() if found}


def _on_cpu(node: Node) -> str:
    return f"{node.type} runs on the CPU"


def _own(table: Table, rules: Mapping[str, Rule]) -> Table:
    """The table with limits for single types of layers, all of which there are."""
    own = table.table("layer")
    for kind in own.values:
        if kind not in rules:
            raise own.wrong(kind, "the dialect has no such layer")
    return own


def _checks(table: Table, kind: str = "", group: str = "") -> tuple[Check, ...]:
    """One check for each limit in a table. [every] takes those alone that make sense for any layer."""
    known = limits.of_layer(kind) if kind else limits.ANY_LAYER
    parts = limits.parts_of(kind)
    table.only((*known, *parts, "values", "without") if kind else tuple(known))
    checks: list[Check] = []
    for key, value in table.values.items():
        if key in parts:
            checks += [limits.only_for(parts[key], check) for check in _of_part(table.table(key), kind, group)]
        elif key != "without":
            fields = table.table(key).values if key == "values" else {}
            try:
                checks += [limits.allowed(kind, group, field, able) for field, able in fields.items()]
                checks += [known[key](value)] if key in known else []
            except ValueError as error:
                raise table.wrong(key, str(error)) from error
    return tuple(checks)


def _of_part(table: Table, kind: str, group: str) -> tuple[Check, ...]:
    """The limits of a part of a layer type: those of the type, without parts."""
    table.only((*limits.of_layer(kind), "values"))
    return _checks(table, kind, group)
