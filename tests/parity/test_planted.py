"""A fault in one layer of a converted network is named, and what is cut out shows it by itself."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.parity import planted
from tests.parity.looking import Sound, look, need
from toolkit.cli import main

ENGINES = ("opencv", "caffe")
KINDS = ("weight", "pad", "eps", "swap")
CASES = [*((ENGINES[seed // 4 % 2], seed) for seed in range(20)), *(("openvino", seed) for seed in range(8, 12))]


@pytest.mark.parametrize("engine, seed", CASES)
def test_a_fault_is_named_and_shows_alone(
    engine: str, seed: int, sound: Sound, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = KINDS[seed % 4]
    need(engine)
    source = sound("trainable" if kind == "eps" else ("shufflenet", "small")[seed // 8 % 2])
    net, name = planted.plant(source.net, kind, seed)
    bad = planted.write(net, source, tmp_path)
    row, layers = look(str(bad.onnx), f"{engine}:{bad.prototxt}", tmp_path / "repro")
    assert row.verdict.value in ("failed", "error")
    found = layers.first_fault
    assert found is not None
    assert name in found.layer.layers, found.sentence
    assert found.confirmed, found.sentence
    said = (tmp_path / "repro" / engine / "README.md").read_text("utf-8")
    (command,) = (line.strip() for line in said.splitlines() if line.startswith("    toolkit "))
    monkeypatch.chdir(tmp_path / "repro" / engine)
    alone = CliRunner().invoke(main, shlex.split(command)[1:])
    assert alone.exit_code == 1, alone.output
    assert f"output '{found.layer.value}'" in alone.output
