"""The scripts of benchmarks/ do what they say; how fast anything is, is no test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from benchmarks import conversion, models, startup
from benchmarks.processes import alternate, ratio, run

PARAMETERS = 3_487_816  # of MobileNet V2 in torchvision, with BatchNorm in the convolutions


def test_models_are_what_their_names_say() -> None:
    graph = models.mobilenet_v2().graph
    assert sum(onnx.numpy_helper.to_array(tensor).size for tensor in graph.initializer) == PARAMETERS


def test_model_is_sound_and_the_same_every_time(tmp_path: Path) -> None:
    path = models.write(tmp_path, "mobilenet_v2")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert model == models.mobilenet_v2()


def test_external_weights(tmp_path: Path) -> None:
    path = models.write(tmp_path, "mobilenet_v2", external=True)
    assert path.name == "mobilenet_v2_external.onnx"
    assert path.stat().st_size < 100_000
    assert path.with_suffix(".weights").stat().st_size > 4 * PARAMETERS - 100_000
    assert onnx.load(path).graph.initializer[0].raw_data == models.mobilenet_v2().graph.initializer[0].raw_data


def test_floor_writes_all_weights(tmp_path: Path) -> None:
    path = models.write(tmp_path, "mobilenet_v2")
    run([sys.executable, conversion.FLOOR, str(path), str(tmp_path / "weights")])
    assert (tmp_path / "weights").stat().st_size == 4 * PARAMETERS


def test_processes_are_measured() -> None:
    hungry = [sys.executable, "-c", "x = bytearray(200_000_000)"]
    found = alternate({"one": hungry, "other": [sys.executable, "-c", "pass"]}, rounds=2)
    assert {name: len(usages) for name, usages in found.items()} == {"one": 2, "other": 2}
    assert min(usage.memory for usage in found["one"]) > 200_000_000
    assert all(0 < usage.cpu <= usage.wall * 1.5 for usages in found.values() for usage in usages)


def test_a_process_that_fails_says_why() -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run([sys.executable, "-c", "raise SystemExit('out of luck')"])
    assert "out of luck" in caught.value.stderr


def test_ratio_is_taken_round_by_round() -> None:
    found = ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0])
    assert (found.low, found.middle, found.high) == (2, 2, 2)


def test_a_conversion_is_measured(tmp_path: Path) -> None:
    path = models.write(tmp_path, "mobilenet_v2")
    found = conversion.measured(path, tmp_path, rounds=1, verify=False)
    row = conversion.cells(conversion.Goal("mobilenet_v2", wall=3.5, memory=1.2), found, path.stat().st_size)
    assert row[0] == "mobilenet_v2"
    assert conversion.judged(3.0, 2.0) == "3.00 of 2: MISSED"
    assert (tmp_path / "net.caffemodel").stat().st_size > 4 * PARAMETERS


def test_startup_names_commands_that_exist() -> None:
    from toolkit.cli import COMMANDS

    assert {words[0] for words in startup.COMMANDS.values() if not words[0].startswith("-")} <= set(COMMANDS)
