"""A user's own chip: a TOML file -> a dialect. `docs/dialects.md` explains every key by an example.

The file starts from a known dialect, adds or leaves out layers, and sets limits; what a layer means is not in the file.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from converters.dialects import limits
from converters.dialects.base import Check, Dialect, Rule
from converters.dialects.known import DIALECTS
from converters.dialects.order import NAMES
from converters.errors import ToolkitError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TOP = ("base", "title", "layers", "add", "remove", "forbid", "every", "layer")


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
                raise self.wrong(key, f"is no key here; there are {', '.join(known)}")

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
        raise table.wrong("base", f"'{name}' is no dialect; there are {', '.join(DIALECTS)}")
    base = DIALECTS[name]
    rules = _layers(table, base)
    title = table.text("title", f"{base.name} as limited by {path.name}")
    engines = tuple(engine for engine in base.engines if rules.keys() <= _speaks(engine))
    return Dialect(path.stem, title, _limited(table, rules), _forbidden(table) | base.forbidden, engines)


def _speaks(engine: str) -> set[str]:
    """The layers of every dialect that the engine speaks."""
    return {kind for dialect in DIALECTS.values() if engine in dialect.engines for kind in dialect.layers}


def _layers(table: Table, base: Dialect) -> dict[str, Rule]:
    """The base's layers, or those of them that `layers` names, without `remove`, and `add`ed ones of other dialects."""
    kept = table.texts("layers") if "layers" in table.values else tuple(base.layers)
    removed = table.texts("remove")
    for key, names in (("layers", kept), ("remove", removed)):
        for kind in names:
            if kind not in base.layers:
                raise table.wrong(key, f"{base.name} has no {kind} layer" + _add_it(kind))
    rules = {kind: base.layers[kind] for kind in ("Input", *kept) if kind not in removed}
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
            raise table.wrong("forbid", f"'{name}' is no rewrite; docs/dialects.md lists them")
    return frozenset(table.texts("forbid"))


def _limited(table: Table, rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Put the limits of [every] on each layer, and those of [layer.X] on X."""
    every, own = _checks(table.table("every")), table.table("layer")
    for kind in own.values:
        if kind not in rules:
            raise own.wrong(kind, "the dialect has no such layer")
    limited = {}
    for kind, rule in rules.items():
        checks = (*every, *_checks(own.table(kind), kind, rule.message))
        limited[kind] = replace(rule, checks=(*rule.checks, *checks))
    return limited


def _checks(table: Table, kind: str = "", group: str = "") -> tuple[Check, ...]:
    """One check for each limit in a table. [every] takes those alone that make sense for any layer."""
    known: dict[str, Callable[[Any], Check]] = dict(limits.ANY_LAYER)
    if kind:
        known |= limits.spatial_limits(kind)
    table.only((*known, "values") if kind else tuple(known))
    checks = []
    for key, value in table.values.items():
        try:
            if key == "values":
                fields = table.table("values").values
                checks += [limits.allowed(kind, group, field, allowed) for field, allowed in fields.items()]
            else:
                checks.append(known[key](value))
        except ValueError as error:
            raise table.wrong(key, str(error)) from error
    return tuple(checks)
