"""An exception -> one sentence on stderr, the exit code, and with --json one object on stdout."""

from __future__ import annotations

import os
import traceback
from dataclasses import asdict
from typing import Any

import click

from converters.errors import CUT, ConversionError, Remedy, ToolkitError, printable
from toolkit.cli.output import print_json
from toolkit.cli.remedies import worded

USAGE = 2
INTERNAL = 70  # sysexits.h: internal software error


def report(error: Exception, as_json: bool) -> int:
    """Tell the user what went wrong and return the exit code."""
    code, sentence = explain(error)
    if os.environ.get("TOOLKIT_DEBUG") == "1":
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    if isinstance(error, click.ClickException):
        error.show()  # click adds the usage line
    else:
        click.echo(f"error: {sentence}", err=True)
        if _can_be_cut(error):
            click.echo("`toolkit inspect` names every blocker, and a command that cuts before them", err=True)
    if as_json:
        print_json(as_object(error, code, sentence))
    return code


def _can_be_cut(error: Exception) -> bool:
    problems = error.problems if isinstance(error, ConversionError) else ()
    return any(isinstance(one.hint, Remedy) and one.hint.setting == CUT.setting for one in problems)


def explain(error: Exception) -> tuple[int, str]:
    """The exit code and the sentence for an exception."""
    if isinstance(error, ToolkitError):
        return error.exit_code, error.told(worded)
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    if isinstance(error, OSError) and error.strerror:  # a folder that can't be written, a full disk
        return USAGE, printable(f"{error.strerror}: {error.filename}" if error.filename else error.strerror)
    what = printable(f"{type(error).__name__}: {error}".split("\n", 1)[0])
    return INTERNAL, f"internal error ({what}): please report it; TOOLKIT_DEBUG=1 shows where it happened"


def as_object(error: Exception, code: int, sentence: str) -> dict[str, Any]:
    """The JSON form of an error; a conversion's blockers come as `problems`."""
    found: dict[str, Any] = {"error": sentence, "exit_code": code}
    if isinstance(error, ConversionError):
        found["problems"] = [{**asdict(problem), "hint": worded(problem.hint)} for problem in error.problems]
    return found
