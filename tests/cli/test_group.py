from __future__ import annotations

import importlib.metadata
import subprocess
import sys
import types
from collections.abc import Callable
from typing import Any

import click
import pytest
from click.testing import Result

from converters.errors import ConversionError, InvalidInput, Problem, ToolkitError
from toolkit.cli import COMMANDS, main
from toolkit.cli.group import Entry, LazyGroup
from toolkit.runners.base import RunnerError

Toolkit = Callable[..., Result]
START = "from toolkit.cli import main; main()"
MODULES = "import sys; {}; print(*{{name.partition('.')[0] for name in sys.modules}}, file=sys.stderr)"


def python(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = COMMANDS[name].load()
    assert COMMANDS[name].help == command.get_short_help_str(limit=1000)


def test_help_lists_every_command(toolkit: Toolkit) -> None:
    found = toolkit("--help")
    assert found.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in found.stdout
        assert entry.help[:40] in found.stdout
    assert "1 parity failed" in found.stdout


def test_help_imports_click_and_nothing_else() -> None:
    clean = set(python(MODULES.format("import click")).stderr.split())
    help_ = python(MODULES.format("from toolkit.cli import main; main(['--help'], standalone_mode=False)"))
    imported = set(help_.stderr.split()) - clean - sys.stdlib_module_names
    assert "Commands:" in help_.stdout
    assert imported == {"toolkit"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_imports_no_engine(name: str) -> None:
    code = MODULES.format(f"from toolkit.cli import main; main([{name!r}, '--help'], standalone_mode=False)")
    found = python(code)
    assert "Usage: toolkit" in found.stdout
    assert not {"torch", "onnx", "onnx_ir", "onnxruntime", "cv2", "rich"} & set(found.stderr.split())


def test_version(toolkit: Toolkit) -> None:
    found = toolkit("--version")
    assert (found.exit_code, found.stdout) == (0, f"toolkit {importlib.metadata.version('caffe-bridge-toolkit')}\n")


def test_an_unknown_command_is_a_usage_error(toolkit: Toolkit) -> None:
    found = toolkit("parrity", "a")
    assert found.exit_code == 2
    assert "unknown command 'parrity'; known:" in found.stderr
    assert "parity" in found.stderr


def test_no_command_is_a_usage_error(toolkit: Toolkit) -> None:
    assert toolkit().exit_code == 2
    assert toolkit("--nonsense").exit_code == 2


def raising(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> LazyGroup:
    """A toolkit whose one command raises."""

    @click.command()
    @click.option("--json", "as_json", is_flag=True)
    def command(as_json: bool) -> None:
        raise error

    module = types.ModuleType("raising_command")
    module.command = command  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return LazyGroup("toolkit", {"run": Entry("raising_command:command", "")})


PROBLEM = Problem("Einsum", "node_1", "no such layer", hint="rewrite it", source="model.py, line 3")
ERRORS = {
    "usage": (ToolkitError("no such width"), 2, "error: no such width"),
    "conversion": (
        ConversionError([PROBLEM]),
        3,
        "error: 1 node(s) can't be converted:\nEinsum 'node_1': no such layer",
    ),
    "input": (InvalidInput("net.onnx is cut short"), 4, "error: net.onnx is cut short"),
    "runner": (RunnerError("caffe crashed"), 1, "error: caffe crashed"),
    "click": (click.UsageError("which one?"), 2, "Error: which one?"),
    "file": (
        PermissionError(13, "Permission denied", "/out/net.prototxt"),
        2,
        "error: Permission denied: /out/net.prototxt",
    ),
    "bug": (
        ZeroDivisionError("division\nby zero"),
        70,
        "error: internal error (ZeroDivisionError: division): please report",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_is_a_sentence_and_an_exit_code(case: str, toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    error, code, sentence = ERRORS[case]
    found = toolkit("run", command=raising(error, monkeypatch))
    assert found.exit_code == code
    assert sentence in found.stderr
    assert found.stdout == ""
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("case", ERRORS)
def test_with_json_it_is_an_object_too(
    case: str, toolkit: Toolkit, as_json: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    error, code, sentence = ERRORS[case]
    found = toolkit("run", "--json", command=raising(error, monkeypatch))
    said = as_json(found.stdout)
    assert (found.exit_code, said["exit_code"]) == (code, code)
    assert said["error"].startswith(sentence.split(": ", 1)[1])
    assert ("problems" in said) == (case == "conversion")
    assert sentence in found.stderr


def test_problems_come_as_data(
    toolkit: Toolkit, as_json: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = toolkit("run", "--json", command=raising(ConversionError([PROBLEM, PROBLEM]), monkeypatch))
    expected = {
        "op": "Einsum",
        "name": "node_1",
        "reason": "no such layer",
        "hint": "rewrite it",
        "source": "model.py, line 3",
    }
    assert as_json(found.stdout)["problems"] == [expected, expected]


def test_a_usage_error_of_a_command_is_json_too(toolkit: Toolkit, as_json: Callable[[str], Any]) -> None:
    found = toolkit("parity", "--json", "--nonsense")
    assert found.exit_code == 2
    assert "--nonsense" in as_json(found.stdout)["error"]


def test_the_traceback_is_there_for_who_asks(toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_DEBUG", "1")
    found = toolkit("run", command=raising(ZeroDivisionError("oops"), monkeypatch))
    assert found.exit_code == 70
    assert "Traceback (most recent call last)" in found.stderr
    assert "ZeroDivisionError: oops" in found.stderr


def test_an_interrupt_exits_as_a_shell_expects(toolkit: Toolkit, monkeypatch: pytest.MonkeyPatch) -> None:
    found = toolkit("run", command=raising(KeyboardInterrupt(), monkeypatch))
    assert found.exit_code == 130
    assert "interrupted" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.mark.parametrize("words", [["--help"], ["parity", "--help"], ["--version"]])
def test_a_reader_that_has_gone_is_no_error(words: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", START, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()  # before Python has started, let alone written
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141


def test_the_installed_command_is_this_one() -> None:
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="toolkit")
    assert script.load() is main
