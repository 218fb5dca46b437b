"""What the pages show is there: every command and option of the command line, and the prototxt of the README."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from converters.onnx_to_caffe import convert_file
from tests.docs.blocks import blocks
from tests.docs.test_pages import CHIPS, PAGES, ROOT
from toolkit.cli import main
from toolkit.export import export, save
from toolkit.models import create

COMMAND = re.compile(r"\btoolkit ([a-z]+(?:-[a-z]+)*)((?:[^`\n|&#]|\\\n)*)")
OPTION = re.compile(r"(?<!\S)(--?[a-z][a-z-]*)")


def shown(page: Path) -> Iterator[tuple[str, str, list[str]]]:
    """What is written, the command and the options of each call that a page shows."""
    for match in COMMAND.finditer(page.read_text("utf-8")):
        command = match[1]
        if command in main.list_commands(click.Context(main)):
            yield match[0], command, OPTION.findall(match[2])


@pytest.mark.parametrize("page", [*PAGES, *CHIPS], ids=lambda page: page.name)
def test_every_option_that_a_page_shows_is_there(page: Path) -> None:
    for text, name, options in shown(page):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        known = {flag for option in command.params for flag in option.opts} | {"--help", "-h"}
        assert set(options) <= known, text


def test_the_pages_show_every_command() -> None:
    readme = {name for _, name, _ in shown(ROOT / "README.md")}
    assert readme == set(main.list_commands(click.Context(main)))


def test_the_prototxt_of_the_readme_is_what_is_written(tmp_path: Path) -> None:
    save(export(create("shufflenet_v2_x0.5"), keep_bn=True), tmp_path / "net.onnx")
    convert_file(tmp_path / "net.onnx", tmp_path / "net")
    (quoted,) = (block.text for block in blocks(ROOT / "README.md") if block.language == "prototxt")
    assert quoted in (tmp_path / "net.prototxt").read_text("utf-8")
