"""What a person sees on a narrow terminal, and where `-o` puts files."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from click.testing import CliRunner, Result

from tests.cli.test_conversion import model
from toolkit.cli import main, params
from toolkit.cli.output import coloured, print_table, size
from toolkit.cli.parity import COLUMNS, SPARE

Toolkit = Callable[..., Result]
ROW = ("caffe-via-onnx", "a_long_name.prototxt", "logits", "8.59e-07", "4.27e-07", "0.0001", "0.9999999", "100%")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Make stdout a terminal of so many columns."""

    def make(width: int) -> None:
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm-256color")  # rich gives a dumb terminal 80 columns and no colour
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.delenv("NO_COLOR", raising=False)

    return make


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_narrow_terminal_drops_columns_and_no_digit(
    width: int, terminal: Callable[[int], None], capsys: pytest.CaptureFixture[str]
) -> None:
    terminal(width)
    print_table(COLUMNS, [(*ROW, "passed"), (*ROW, "failed")], spare=SPARE)
    told = capsys.readouterr().out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert "…" not in plain
    assert "4.27e-07" in plain
    assert "caffe-via-onnx" in plain
    assert max(map(len, plain.splitlines())) <= width
    assert ("cosine" in plain.splitlines()[1]) is (width == 200)
    assert ("characters are too few for: cosine, top-1" in plain) is (width < 200)
    assert re.search(r"\x1b\[32mpassed", told)
    assert re.search(r"\x1b\[31mfailed", told)


def test_a_pipe_gets_every_column(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    print_table(COLUMNS, [(*ROW, "passed")], spare=SPARE)
    told = capsys.readouterr().out
    assert all(word in told for word in (*COLUMNS, *ROW))
    assert "\x1b" not in told


def test_no_color_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert coloured("failed") != "failed" == coloured("failed")[5:11]
    monkeypatch.setenv("NO_COLOR", "1")
    assert coloured("failed") == "failed"


@pytest.mark.parametrize("count, text", [(913, "913 B"), (10_960, "11.0 kB"), (4_954_321, "4.95 MB")])
def test_sizes(count: int, text: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(count))
    assert size(tmp_path / "file") == text


@pytest.mark.parametrize(
    "given, place",
    [
        (None, "in/net"),
        ("out/", "out/net"),
        (".", "./net"),
        ("..", "../net"),
        ("out/small", "out/small"),
        ("out/small.prototxt", "out/small"),
        ("out/small.caffemodel", "out/small"),
        ("v1.5", "v1.5"),
        ("out/.prototxt", "out/.prototxt"),
    ],
)
def test_where_files_go(given: str | None, place: str) -> None:
    assert params.place(given, Path("in/net"), (".prototxt", ".caffemodel")) == Path(place)


@pytest.mark.parametrize(
    "spec, name",
    [
        ("shufflenet_v2_x0.5", "shufflenet_v2_x0.5"),
        ("torchvision:resnet18", "resnet18"),
        ("nets/my_net.py:build", "my_net"),
        ("my_nets.small:build", "build"),
    ],
)
def test_what_files_of_a_model_are_called(spec: str, name: str) -> None:
    assert params.model_name(spec) == name


@pytest.mark.parametrize("given, name", [("out/", "net"), ("out/other.prototxt", "other")])
def test_onnx_to_caffe_writes_there(toolkit: Toolkit, tmp_path: Path, given: str, name: str) -> None:
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--no-verify", "-o", f"{tmp_path}/{given}")
    assert done.exit_code == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{name}.caffemodel",
        f"{name}.map.json",
        f"{name}.prototxt",
    ]
    assert re.search(r"net\.caffemodel \(\d+ B\)|other\.caffemodel \(\d+ B\)", done.stderr)


def test_an_empty_place_is_a_usage_error(toolkit: Toolkit, tmp_path: Path) -> None:
    for words in (
        ("onnx-to-caffe", model(tmp_path / "net.onnx")),
        ("export-onnx", "shufflenet_v2_x0.25"),
        ("convert", "shufflenet_v2_x0.25"),
    ):
        done = toolkit(*words, "-o", "")
        assert done.exit_code == 2
        assert "the path to write to is empty" in done.stderr


def test_a_free_batch_that_becomes_1_is_said(toolkit: Toolkit, tmp_path: Path) -> None:
    free = model(tmp_path / "net.onnx", shape=("N", 3, 6, 6))
    told = "the batch of 'x' is free in the model and 1 here; --input-shape x:8,3,6,6 makes it 8"
    assert told in toolkit("onnx-to-caffe", free, "--no-verify").stderr
    assert "is free" not in toolkit("onnx-to-caffe", free, "--no-verify", "--input-shape", "x:2,3,6,6").stderr
    assert "is free" not in toolkit("onnx-to-caffe", model(tmp_path / "one.onnx"), "--no-verify").stderr


def test_random_weights_are_said(toolkit: Toolkit, tmp_path: Path) -> None:
    code = "import torch\ndef build():\n    return torch.nn.Conv2d(3, 2, 3)\n"
    (tmp_path / "mine.py").write_text(code)
    (tmp_path / "out").mkdir()
    done = toolkit("export-onnx", f"{tmp_path}/mine.py:build", "--image-size", 8, "-o", f"{tmp_path}/out/")
    assert done.exit_code == 0, done.stderr
    assert "without --weights the weights are what" in done.stderr
    assert onnx.load(tmp_path / "out" / "mine.onnx").graph.node
    done = toolkit("export-onnx", "shufflenet_v2_x0.25", "--image-size", 32, "-o", tmp_path / "net.onnx")
    assert "without --weights the weights are random" in done.stderr


@pytest.mark.parametrize(
    "words, expected, absent",
    [
        ("onnx-to-caffe --dialect bv", {"bvlc", "bvlc-1.0"}, "opencv"),
        ("caffe-to-onnx --dialect s", {"ssd", "shufflenet"}, "bvlc"),
        ("export-onnx shufflenet_v2_x0.2", {"shufflenet_v2_x0.25"}, "shufflenet_v2_x0.5"),
        ("convert shufflenet_v2_x2", {"shufflenet_v2_x2.0", "shufflenet_v2_x2.0-torchvision"}, "shufflenet_v2_x0.5"),
    ],
)
def test_a_shell_completes_names(words: str, expected: set[str], absent: str) -> None:
    asked = {
        "_TOOLKIT_COMPLETE": "bash_complete",
        "COMP_WORDS": f"toolkit {words}",
        "COMP_CWORD": str(words.count(" ") + 1),
    }
    done = CliRunner().invoke(main, [], prog_name="toolkit", env=asked)
    offered = {line.partition(",")[2] for line in done.output.splitlines()}
    assert expected <= offered, done.output
    assert absent not in offered


def test_an_image_that_is_none_leaves_no_files(toolkit: Toolkit, tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello")
    done = toolkit("onnx-to-caffe", model(tmp_path / "net.onnx"), "--image", tmp_path / "text.jpg")
    assert done.exit_code == 4
    assert "is not an image that can be read" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["net.onnx", "text.jpg"]


@pytest.mark.parametrize("command", ["benchmark", "check", "parity"])
def test_a_report_that_cannot_be_written_ends_before_the_run(
    toolkit: Toolkit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    (tmp_path / "parity.toml").write_text("this is not read")
    none = [tmp_path / "none.onnx", tmp_path / "none.prototxt"]
    words = {"benchmark": none, "check": [tmp_path / "parity.toml"], "parity": none}[command]
    done = toolkit(command, *words, "--report", tmp_path / "out.html")
    assert done.exit_code == 2
    assert done.stderr.startswith("error: an HTML report needs jinja2: pip install")
