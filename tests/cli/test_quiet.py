"""--quiet: nothing but errors, and the exit code; what is written is written all the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.test_conversion import model
from toolkit.cli import main

Toolkit = Callable[..., Result]
LOUD = {"engines", "train"}  # a listing, and hours of work


@pytest.fixture
def net(tmp_path: Path) -> Path:
    return Path(model(tmp_path / "net.onnx"))


def test_what_succeeds_prints_nothing(toolkit: Toolkit, net: Path) -> None:
    prefix = net.with_suffix("")
    for words in (
        ("onnx-to-caffe", net, "-o", prefix),
        ("inspect", net),
        ("parity", net, f"{prefix}.prototxt"),
        ("caffe-to-onnx", f"{prefix}.prototxt", f"{prefix}.caffemodel", "-o", f"{prefix}.again.onnx"),
        ("benchmark", net, "--rounds", 6),
    ):
        assert toolkit(*words).output
        done = toolkit(*words, "-q")
        assert (done.exit_code, done.output) == (0, ""), words
    assert prefix.with_suffix(".prototxt").exists()


def test_errors_are_told_and_the_exit_code_tells(toolkit: Toolkit, net: Path) -> None:
    done = toolkit("parity", "--quiet", net, net.with_name("none.prototxt"))
    assert done.exit_code == 2
    assert done.stderr.startswith("error: ")
    assert not done.stdout
    assert toolkit("onnx-to-caffe", net, "-o", net.with_suffix(""), "-q").exit_code == 0
    caffemodel = net.with_suffix(".caffemodel")
    prototxt = net.with_suffix(".prototxt")
    text = prototxt.read_text("utf-8")
    wrong = text.replace("kernel_size: 3", "kernel_size: 3 pad: 1").replace("kernel_h: 3", "kernel_h: 3 pad: 1")
    prototxt.write_text("\n".join(line for line in wrong.splitlines() if "sha256" not in line))
    assert caffemodel.exists()
    failed = toolkit("parity", net, prototxt, "-q")
    assert (failed.exit_code, failed.stdout) == (1, "")


def test_quiet_and_json_contradict_each_other(toolkit: Toolkit, net: Path) -> None:
    for words in (("--json", "--quiet"), ("--quiet", "--json")):
        done = toolkit("inspect", net, *words)
        assert done.exit_code == 2
        assert "--json and --quiet contradict each other" in done.stderr


@pytest.mark.parametrize("name", sorted(set(main.entries) - LOUD))
def test_every_command_that_shows_something_has_it(name: str) -> None:
    command = main.entries[name].load()
    assert "--quiet" in [text for option in command.params for text in option.opts]
