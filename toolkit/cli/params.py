"""Option values of the form NAME=VALUE, checked by click before a command starts."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

Value = TypeVar("Value")


class Named(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 alone
    """NAME, a separator and a value -> (name, value). `last`: the name may hold the separator itself ("image:0")."""

    def __init__(self, form: str, convert: Callable[[str], Any], separator: str = "=", last: bool = False) -> None:
        self.name, self.parse, self.separator, self.last = form, convert, separator, last

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows for a value."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """A word -> its value; what is none is a usage error."""
        if isinstance(value, tuple):
            return value
        cut = str.rpartition if self.last else str.partition
        name, separator, text = cut(value, self.separator)
        if not (separator and name and text):
            self.fail(f"'{value}' is not of the form {self.name}", param, ctx)
        try:
            return name, self.parse(text)
        except ValueError as error:
            self.fail(f"'{value}': {error}", param, ctx)


class Plain(click.ParamType):  # type: ignore[type-arg]  # generic since click 8.4 alone
    """A value of one kind, by a function that raises ValueError."""

    def __init__(self, form: str, convert: Callable[[str], Any]) -> None:
        self.name, self.parse = form, convert

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """What the help shows for a value."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """A word -> its value; what is none is a usage error."""
        try:
            return self.parse(value) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class AnyFile(Named):
    """FILE for all inputs (named ""), or NAME=FILE for one."""

    def __init__(self) -> None:
        super().__init__("FILE or NAME=FILE", existing)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """A word -> its value; what is none is a usage error."""
        if isinstance(value, tuple) or ("=" in value and not Path(value).is_file()):
            return super().convert(value, param, ctx)
        return "", Plain("FILE", existing).convert(value, param, ctx)


class Tolerance(Named):
    """T for all outputs (named ""), or OUTPUT=T for one."""

    def __init__(self) -> None:
        super().__init__("T or OUTPUT=T", tolerance, last=True)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, Any]:
        """A word -> its value; what is none is a usage error."""
        if isinstance(value, tuple) or "=" in value:
            return super().convert(value, param, ctx)
        return "", super().convert(f"all={value}", param, ctx)[1]


def tolerance(text: str) -> float:
    """Read a tolerance, from 0 to below 1."""
    value = number(text)
    if not 0 <= value < 1:
        raise ValueError("a tolerance is at least 0 and below 1 (with 1 an output of zeros would pass)")
    return value


def shape(text: str) -> tuple[int, ...]:
    """Read a shape: "1,3,224,224" -> (1, 3, 224, 224)."""
    sizes = text.replace("x", ",").split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise ValueError("a shape is positive integers with commas between them, such as 1,3,224,224")
    return tuple(map(int, sizes))


def bounds(text: str) -> tuple[float, float]:
    """Read a range: "-1,1" -> (-1.0, 1.0)."""
    ends = [number(end) for end in text.split(",")]
    if len(ends) != 2 or not ends[0] < ends[1]:
        raise ValueError("a range is two numbers LO,HI with LO < HI")
    return ends[0], ends[1]


def number(text: str) -> float:
    """Read a finite number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"'{text}' is not a number")
    return value


def numbers(text: str) -> tuple[float, ...]:
    """Read numbers: "0.485,0.456,1/255" -> floats; a fraction is divided."""
    return tuple(fraction(part) for part in text.split(","))


def fraction(text: str) -> float:
    """Read a number: "1/255" or "0.5" -> a float."""
    over, _, under = text.partition("/")
    bottom = number(under) if under else 1.0
    if not bottom:
        raise ValueError(f"'{text}' divides by 0")
    return number(over) / bottom


def batches(text: str) -> tuple[int, ...]:
    """Read batch sizes: "1,4" -> (1, 4)."""
    if not all(size.strip().isdecimal() and int(size) > 0 for size in text.split(",")):
        raise ValueError("batch sizes are positive integers with commas between them, such as 1,4")
    return tuple(map(int, text.split(",")))


def existing(text: str) -> Path:
    """Read the path of a file that is there."""
    if not Path(text).is_file():
        raise ValueError(f"there is no file '{text}'")
    return Path(text)


def named(text: str) -> str:
    """Read where to write: a path, or a folder with a slash behind it."""
    if not text.strip():
        raise ValueError("the path to write to is empty")
    return text


def place(given: str | None, beside: Path, suffixes: Sequence[str]) -> Path:
    """Where files go, without suffix: as given, DIR/NAME for "DIR/", else beside the model, whose path is `beside`.

    A suffix of `suffixes`, which the files get in any case, is dropped.
    """
    if given is None:
        return beside
    if given.endswith(("/", os.sep)) or Path(given).name in ("", ".."):
        return Path(given, beside.name)
    ending = next((suffix for suffix in suffixes if given.lower().endswith(suffix)), "")
    return Path(given[: len(given) - len(ending)]) if Path(given).name.lower() != ending else Path(given)


def model_name(spec: str) -> str:
    """What files of a model are called: "torchvision:resnet18" -> "resnet18", "my_net.py:build" -> "my_net"."""
    module, _, attribute = spec.rpartition(":")
    return Path(module).stem if module.endswith(".py") else attribute


def listed(pairs: Sequence[tuple[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """All values of each name, in order."""
    found: dict[str, tuple[Any, ...]] = {}
    for name, value in pairs:
        found[name] = (*found.get(name, ()), value)
    return found


def once(pairs: Iterable[tuple[str, Value]], option: str) -> dict[str, Value]:
    """Pairs -> a dict; a name given twice is a usage error, as one of the two would be dropped."""
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise click.UsageError(f"{option} is given twice for '{name}'" if name else f"{option} is given twice")
        found[name] = value
    return found


ANY_FILE = AnyFile()
BATCHES = Plain("N,N", batches)
RANGE = Named("NAME=LO,HI", bounds, last=True)
SHAPE = Named("NAME:1,3,224,224", shape, separator=":", last=True)
BLOB = Named("ONNX=BLOB", str)
TOLERANCE = Tolerance()
NUMBERS = Plain("N,N,N", numbers)
PLACE = Plain("PATH", named)
FRACTION = Plain("N or N/N", fraction)
