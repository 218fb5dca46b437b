"""Training: it learns, goes on bit for bit after a kill, and does not go on with what it should not."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from converters.errors import InvalidInput, ToolkitError
from toolkit.data.sets import open_images
from toolkit.train import state
from toolkit.train.loop import Schedule, train
from toolkit.train.processes import Place
from toolkit.train.recipe import Recipe
from toolkit.train.run import begin
from toolkit.train.score import fed, score

ROOT = Path(__file__).parents[2]
RECIPE = Recipe(size=16, batch=6, iterations=12, lr=0.1, seed=3)
OFTEN = Schedule(save_every=5, score_every=6, log_every=4, workers=0)
KILLED_AFTER_8 = """
import os, pathlib, sys, torch
from toolkit.data.sets import open_images
from toolkit.train.loop import Schedule, Watch, train
from toolkit.train.recipe import Recipe
torch.set_num_threads(1)
watch = Watch(on_step=lambda done, total: done == 8 * 6 and os.kill(os.getpid(), 9))
recipe = Recipe(sys.argv[1], size=16, batch=6, iterations=12, lr=0.1, seed=3)
images = open_images(pathlib.Path(sys.argv[2]))
train(recipe, images, pathlib.Path(sys.argv[3]), images, schedule=Schedule(5, 6, 4, 0), watch=watch)
"""


def same(ours: object, theirs: object) -> bool:
    """Equal to the last bit, whatever is nested in them."""
    if isinstance(ours, torch.Tensor):
        return torch.equal(ours, theirs)  # type: ignore[arg-type]
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)  # type: ignore[attr-defined, index]
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))  # type: ignore[arg-type, call-overload]
    return ours == theirs


def test_it_learns_three_colours(photos: Path, net: str, tmp_path: Path) -> None:
    images = open_images(photos)
    found = train(replace(RECIPE, model=net, iterations=60), images, tmp_path / "run", images, schedule=OFTEN)
    assert found.score is not None
    assert (found.score.images, found.score.top1, found.score.top5) == (27, 1.0, 1.0)
    assert found.loss is not None
    assert found.loss < 0.5 < math.log(3)
    assert list((tmp_path / "run" / "logs").iterdir())
    again = train(replace(RECIPE, model=net, iterations=60), images, tmp_path / "run", images, schedule=OFTEN)
    assert (again.iteration, again.loss, again.score) == (60, None, found.score), "nothing was left to do"


def test_a_kill_changes_nothing(photos: Path, dropping: str, tmp_path: Path) -> None:
    images, recipe = open_images(photos), replace(RECIPE, model=dropping)
    whole = train(recipe, images, tmp_path / "whole", images, schedule=OFTEN)
    command = [sys.executable, "-c", KILLED_AFTER_8, dropping, photos, tmp_path / "killed"]
    assert subprocess.run(command, cwd=ROOT, timeout=120).returncode == -signal.SIGKILL
    assert state.read(tmp_path / "killed" / state.LAST)["iteration"] == 5
    again = train(recipe, images, tmp_path / "killed", images, schedule=OFTEN)
    assert (again.loss, again.score) == (whole.loss, whole.score)
    for name in (state.LAST, state.BEST):
        ours, theirs = (state.read(tmp_path / folder / name) for folder in ("whole", "killed"))
        assert ours["model"]
        assert same(ours, theirs)


def test_a_run_with_another_recipe_is_not_gone_on_with(photos: Path, net: str, tmp_path: Path) -> None:
    images, recipe = open_images(photos), replace(RECIPE, model=net)
    train(recipe, images, tmp_path / "run", schedule=OFTEN)
    with pytest.raises(ToolkitError, match=r"begun with lr = 0\.1, not 0\.2"):
        train(replace(recipe, lr=0.2), images, tmp_path / "run", schedule=OFTEN)


def test_parts_of_a_batch_make_the_same_step(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text(
        "from torch import nn\n\n"
        "def build(num_classes=9):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(768, num_classes))\n"
    )
    weights = []
    for parts in (1, 3):
        recipe = replace(RECIPE, model=f"{tmp_path / 'plain.py'}:build", accumulate=parts, lr=0.01)
        train(recipe, open_images(photos), tmp_path / str(parts), schedule=OFTEN)
        weights.append(state.read(tmp_path / str(parts) / state.LAST)["model"])
    for ours, theirs in zip(*(found.values() for found in weights), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_a_loss_that_is_no_number_ends_the_run(photos: Path, net: str, tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match="has diverged; lower the learning rate"):
        train(replace(RECIPE, model=net, lr=1e30), open_images(photos), tmp_path / "run", schedule=OFTEN)


def test_weights_of_other_classes_are_a_start(photos: Path, net: str, tmp_path: Path) -> None:
    images = open_images(photos)
    train(replace(RECIPE, model=net), images, tmp_path / "three", schedule=OFTEN)
    start = state.read(tmp_path / "three" / state.LAST)["model"]
    run = begin(replace(RECIPE, model=net), Place(), 7, tmp_path / "three" / state.LAST)
    found = run.module.state_dict()
    assert found["9.weight"].shape == (7, 8)
    assert all(torch.equal(found[key], start[key]) for key in start if not key.startswith("9."))


def test_bfloat16_trains_too(photos: Path, net: str, tmp_path: Path) -> None:
    images = open_images(photos)
    recipe = replace(RECIPE, model=net, amp="bf16", iterations=60)
    found = train(recipe, images, tmp_path / "run", images, schedule=OFTEN)
    assert found.score is not None
    assert found.score.top1 > 0.9
    assert all(value.dtype != torch.bfloat16 for value in state.read(tmp_path / "run" / state.LAST)["model"].values())


def test_the_score_counts_what_comes_first_and_among_five() -> None:
    logits = torch.tensor([[9.0, 8, 7, 6, 5, 4, 3], [0, 1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 1, 2]])
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3, 7, bias=False))
    pixels = torch.eye(3, dtype=torch.uint8).view(3, 1, 1, 3) * 255  # the n-th image asks for the n-th column
    module[1].weight.data = logits.T.contiguous()
    found = score(module, [(pixels, torch.tensor([0, 2, 6]))], Recipe(), Place())
    assert (found.images, found.top1, found.top5) == (3, pytest.approx(2 / 3), 1.0)
    assert module.training


def test_what_is_fed_is_normalised_rgb() -> None:
    pixels = torch.tensor([[[[0, 51, 255]]]], dtype=torch.uint8)
    found = fed(pixels, Recipe(mean=(0.5, 0.1, 0.0), std=(0.5, 0.1, 2.0)), torch.device("cpu"))
    torch.testing.assert_close(found.flatten(), torch.tensor([-1.0, 1.0, 0.5]))


@pytest.mark.parametrize("iteration, rate", [(0, 0.125), (2, 0.375 * 0.98), (3, 0.5 * 0.97), (50, 0.25), (99, 0.005)])
def test_the_rate_rises_and_falls_linearly(iteration: int, rate: float) -> None:
    assert Recipe(lr=0.5, iterations=100, warmup=3).rate(iteration) == pytest.approx(
        rate * (0.99 if iteration == 1 else 1)
    )


def test_a_batch_that_can_not_be_shared_is_refused() -> None:
    assert Recipe(batch=12, accumulate=2).part(3) == 2
    with pytest.raises(ToolkitError, match="can't be divided into 5"):
        Recipe(batch=12).part(5)


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return pytest.fail, ("the pickle was run",)


def test_a_checkpoint_runs_no_code_and_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "last.pth"
    torch.save({"model": Evil()}, path)
    with pytest.raises(InvalidInput, match="not a readable checkpoint"):
        state.read(path)
    torch.save({"model": {}}, path)
    with pytest.raises(InvalidInput, match="not a checkpoint of `toolkit train`"):
        state.read(path)
    with pytest.raises(Exception, match="pickle"):
        state.save({"model": lambda: 0}, path)  # it fails half-way
    assert torch.load(path, weights_only=True) == {"model": {}}, "the old one is still there"
    assert [file.name for file in tmp_path.iterdir()] == ["last.pth"]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InvalidInput, match="not a readable checkpoint"):
        state.read(path)
