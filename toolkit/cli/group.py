"""A click group that imports a command when it is used, and turns every exception into a sentence and an exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

import click

INTERRUPTED = 130  # what a shell reports for SIGINT
TERMINATED = 143  # for SIGTERM
BROKEN_PIPE = 141  # and for SIGPIPE: 1 would read as "parity failed"


class Entry(NamedTuple):
    """A command: where it lives ("module:attribute") and the line that the list of commands shows."""

    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.target.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command


class LazyGroup(click.Group):
    """A group over a table of entries. `main` never shows a traceback unless TOOLKIT_DEBUG=1."""

    def __init__(self, name: str, entries: Mapping[str, Entry], **attributes: Any) -> None:
        show_version = click.Option(
            ["--version"], is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
        )
        super().__init__(
            name, params=[show_version], context_settings={"help_option_names": ["-h", "--help"]}, **attributes
        )
        self.entries = dict(entries)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command, imported; None where there is none of that name."""
        entry = self.entries.get(cmd_name)
        return entry.load() if entry else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the words name; a name that is none is a usage error that lists all."""
        if args and not args[0].startswith("-") and args[0] not in self.entries:
            ctx.fail(f"unknown command '{args[0]}'; known: {', '.join(self.entries)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands, none of them imported."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Parse the words."""
        with _closed_pipe_is_an_exit():  # `--help` prints in here
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> int:
        """Run the command; 0 where it comes back."""
        with _closed_pipe_is_an_exit():
            super().invoke(ctx)
            sys.stdout.flush()  # a reader that has gone shows here, not in a traceback at exit
        return 0

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the words and exit: every exception is an exit code and one sentence on stderr."""
        words = list(sys.argv[1:] if args is None else args)
        if not standalone_mode:
            return super().main(words, prog_name or self.name, complete_var, standalone_mode=False, **extra)
        _tidy_up_on_sigterm()
        try:
            code = super().main(words, prog_name or self.name, complete_var, standalone_mode=False, **extra)
        except click.Abort:
            click.echo("interrupted", err=True)
            code = INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the last frame: here every exception becomes an exit code
            from toolkit.cli.failures import report  # knows our exceptions; `--help` never gets here

            code = report(error, as_json="--json" in words)
        sys.exit(code)


def _tidy_up_on_sigterm() -> None:
    """SIGTERM unwinds the stack as SIGINT does: temporary files go, engines end. Forked children just end."""
    ours = os.getpid()

    def stop(number: int, frame: object) -> None:
        if os.getpid() == ours:
            sys.exit(TERMINATED)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, stop)


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from toolkit import __version__

        click.echo(f"toolkit {__version__}")
        ctx.exit()


@contextmanager
def _closed_pipe_is_an_exit() -> Iterator[None]:
    """`toolkit ... | head` ends quietly when head has read enough."""
    try:
        yield
    except BrokenPipeError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's own flush at exit complains
        raise click.exceptions.Exit(BROKEN_PIPE) from error
