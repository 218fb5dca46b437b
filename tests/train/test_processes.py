"""Two processes reach the weights of one with the same batch."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from converters.errors import ToolkitError
from toolkit.data.sets import open_images
from toolkit.train import state
from toolkit.train.loop import Schedule, train
from toolkit.train.processes import joined
from toolkit.train.recipe import Recipe

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(size=16, batch=12, iterations=10, lr=0.05, seed=2)


def test_two_gloo_processes_reach_the_weights_of_one(photos: Path, net: str, tmp_path: Path) -> None:
    images = open_images(photos)
    one = train(replace(RECIPE, model=net), images, tmp_path / "one", images, schedule=Schedule(workers=0))
    options = {"model": net, "size": 16, "batch": 12, "iterations": 10, "lr": 0.05, "seed": 2}
    options |= {"workers": 0, "device": "cpu"}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "toolkit"]
    run = ["train", str(photos), "--validation", str(photos), "-o", str(tmp_path / "two"), *words]
    done = subprocess.run(
        [*command, *run],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert one.score is not None
    assert f"validation: top-1 {one.score.top1:.2%}" in done.stdout, "counted over both, said by one"
    ours, theirs = (state.read(tmp_path / folder / state.LAST)["model"] for folder in ("one", "two"))
    assert ours.keys() == theirs.keys()
    for key, value in ours.items():
        torch.testing.assert_close(theirs[key], value, rtol=1e-4, atol=1e-5, msg=key)


@pytest.mark.parametrize(
    ("device", "gpus", "together", "told"),
    [
        ("cuda", 0, 1, "no GPU: this torch sees none; device auto trains on the CPU then"),
        ("cuda", 1, 2, r"2 processes on 1 GPU\(s\): start one a GPU, or train on the CPU"),
        ("auto", 1, 2, r"2 processes on 1 GPU\(s\)"),
    ],
)
def test_a_process_without_a_gpu_of_its_own_is_told_what_to_do(
    device: str, gpus: int, together: int, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(together))
    with pytest.raises(ToolkitError, match=told), joined(device):
        pass
