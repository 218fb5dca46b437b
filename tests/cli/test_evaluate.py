"""`toolkit evaluate`: targets, classes, what is said and the code that it exits with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.evaluate.conftest import colours, photos

__all__ = ["photos"]  # a fixture
Toolkit = Callable[..., Result]
NET = """
from torch import nn

def build(num_classes=9):
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, num_classes))
"""


def test_a_table_and_json_say_the_same(
    photos: Path, toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path
) -> None:
    words = ("evaluate", photos, colours(tmp_path / "a.onnx"), colours(tmp_path / "b.onnx", (1, 2, 0)))
    said = toolkit(*words, "--report", tmp_path / "page.html")
    assert said.exit_code == 0, said.stderr
    for text in ("15 images of 3 classes", "100.00%", "33.33%", "blue (0%, 5 as green)", "different classes: 10 of 15"):
        assert text in said.stdout
    assert (tmp_path / "page.html").exists()
    found = as_json(toolkit(*words, "--json").stdout)
    assert [one["top1"] for one in found["targets"]] == [1.0, pytest.approx(1 / 3)]


def test_too_little_agreement_exits_1(photos: Path, toolkit: Toolkit, tmp_path: Path) -> None:
    words = ("evaluate", photos, colours(tmp_path / "a.onnx"), colours(tmp_path / "b.onnx", (1, 2, 0)))
    done = toolkit(*words, "--min-agreement", 0.5)
    assert done.exit_code == 1
    assert "agree on fewer than 50.00%" in done.stderr
    assert toolkit(*words, "--min-agreement", 0.3).exit_code == 0


def test_a_checkpoint_brings_its_classes_and_its_normalisation(
    photos: Path, toolkit: Toolkit, as_json: Callable[[str], Any], tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text(NET)
    recipe = ("--size", 32, "--batch", 5, "--iterations", 60, "--lr", 0.2, "--mean", 0.4, "--std", 0.1, "--workers", 0)
    trained = toolkit("train", photos, "--model", f"{tmp_path}/net.py:build", *recipe, "-o", tmp_path / "run")
    assert trained.exit_code == 0, trained.stderr
    (photos / "green" / "0.png").rename(tmp_path / "0.png")
    for rest in ("blue", "red"):
        (photos / rest).rename(tmp_path / rest)  # what is left has one class of three
    (tmp_path / "0.png").rename(photos / "green" / "0.png")
    found = as_json(toolkit("evaluate", photos, tmp_path / "run" / "last.pth", "--json").stdout)
    assert (found["classes"], found["images"]) == (["blue", "green", "red"], 5)
    assert found["targets"][0]["top1"] == 1.0


def test_classes_can_be_named(photos: Path, toolkit: Toolkit, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("red\ngreen\nblue\n")
    model = colours(tmp_path / "a.onnx", (0, 1, 2))  # red first
    done = toolkit("evaluate", photos, model, "--classes", tmp_path / "names.txt")
    assert "100.00%" in done.stdout
    (tmp_path / "names.txt").write_text("red\nred\nblue\n")
    assert toolkit("evaluate", photos, model, "--classes", tmp_path / "names.txt").exit_code == 4


def test_wrong_targets_exit_2(photos: Path, toolkit: Toolkit, tmp_path: Path) -> None:
    done = toolkit("evaluate", photos, tmp_path / "nothing.onnx")
    assert done.exit_code == 2
    assert "there is no file" in done.stderr
