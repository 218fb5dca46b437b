"""A fault in one layer of a converted network is named, and what is cut out shows it by itself."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.parity import planted
from tests.parity.planted import Converted
from toolkit import runners
from toolkit.cli import main
from toolkit.parity.inputs import Inputs
from toolkit.parity.inside import look_inside
from toolkit.parity.parity import Rule, check
from toolkit.parity.report import Report
from toolkit.parity.targets import parse, parse_reference
from toolkit.runners.base import RUNTIMES

ENGINES = ("opencv", "caffe")
KINDS = ("weight", "pad", "eps", "swap")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Converted]:
    """Networks by name, each converted once."""
    made: dict[str, Converted] = {}
    makers = {
        "small": lambda folder: planted.small(folder),
        "trainable": lambda folder: planted.small(folder, style="train"),
        "shufflenet": lambda folder: planted.shufflenet(folder),
    }

    def get(name: str) -> Converted:
        if name not in made:
            made[name] = makers[name](tmp_path_factory.mktemp(name))
        return made[name]

    return get


def examine(files: Converted, engine: str, folder: Path) -> Report:
    oracle = parse_reference(str(files.onnx), RUNTIMES)
    (other,) = parse(f"{engine}:{files.prototxt}", RUNTIMES)
    load = runners.load
    report = check(oracle, [other], load, Inputs(), Rule())
    return look_inside(report, oracle, [other], load, Rule(), folder)


def need(engine: str) -> None:
    if reason := runners.available()[engine]:
        pytest.skip(reason)


@pytest.mark.parametrize("seed", range(20))
def test_a_fault_is_named_and_shows_alone(
    seed: int, sound: Callable[[str], Converted], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, kind = ENGINES[seed // 4 % 2], KINDS[seed % 4]
    need(engine)
    source = sound("trainable" if kind == "eps" else ("shufflenet", "small")[seed // 8 % 2])
    net, name = planted.plant(source.net, kind, seed)
    bad = planted.write(net, source, tmp_path)
    (row,) = examine(bad, engine, tmp_path / "repro").rows
    assert row.verdict.value in ("failed", "error")
    assert row.layers is not None
    found = row.layers.culprit
    assert found is not None
    assert name in found.layer.layers, found.sentence
    assert found.confirmed, found.sentence
    said = (tmp_path / "repro" / engine / "README.md").read_text("utf-8")
    (command,) = (line.strip() for line in said.splitlines() if line.startswith("    toolkit "))
    monkeypatch.chdir(tmp_path / "repro" / engine)
    alone = CliRunner().invoke(main, shlex.split(command)[1:])
    assert alone.exit_code == 1, alone.output
    assert f"output '{found.layer.value}'" in alone.output
