"""`toolkit train`: options from a TOML file, what is said, and exit codes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

Toolkit = Callable[..., Result]
NET = """
from torch import nn

def build(num_classes=9):
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, num_classes))
"""


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    for label, name in enumerate(("dark", "light")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(4):
            pixels = np.full((20, 20, 3), 200 * label + index, np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{index}.png")
    (tmp_path / "net.py").write_text(NET)
    (tmp_path / "recipe.toml").write_text(
        f'model = "{tmp_path}/net.py:build"\nsize = 16\nbatch = 4\niterations = 6\nlr = 0.001\nworkers = 0\n'
        "mean = [0.5]\nsave-every = 2\n"
    )
    return ["train", tmp_path / "photos", "--config", tmp_path / "recipe.toml", "-o", tmp_path / "run"]


def test_a_toml_file_gives_the_options_and_words_come_first(
    words: list[object], toolkit: Toolkit, as_json: Callable[[str], Any]
) -> None:
    done = toolkit(*words, "--iterations", 9, "--validation", words[1], "--json")
    assert done.exit_code == 0, done.stderr
    found = as_json(done.stdout)
    assert (found["iteration"], found["classes"], found["top1"]) == (9, ["dark", "light"], 1.0)
    from toolkit.train import state

    stored = state.read(Path(str(words[-1])) / state.LAST)
    assert (stored["recipe"]["batch"], stored["recipe"]["mean"], stored["iteration"]) == (4, [0.5], 9)


def test_what_was_done_is_said(words: list[object], toolkit: Toolkit) -> None:
    done = toolkit(*words, "--validation", words[1])
    assert done.exit_code == 0, done.stderr
    assert "6 steps, loss 0." in done.stdout
    assert "validation: top-1 100.00%, top-5 100.00%" in done.stdout
    assert "best.pth" in done.stdout


@pytest.mark.parametrize(
    "line, why",
    [
        ("batches = 3", "there is no option 'batches'"),
        ("batch = 'x'", "not a valid integer"),
        ("batch =", "not a TOML file"),
    ],
)
def test_a_wrong_toml_file_exits_2(line: str, why: str, words: list[object], toolkit: Toolkit) -> None:
    Path(str(words[3])).write_text(line)
    done = toolkit(*words)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_broken_image_exits_4(words: list[object], toolkit: Toolkit) -> None:
    (Path(str(words[1])) / "dark" / "0.png").write_bytes(b"no image")
    done = toolkit(*words)
    assert done.exit_code == 4
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
