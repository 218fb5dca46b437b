"""The order and the views are functions of seed, epoch and image, whoever asks for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from converters.errors import InvalidInput
from toolkit.data.encoding import Form
from toolkit.data.packing import pack
from toolkit.data.sets import open_images
from toolkit.train import loader
from toolkit.train.recipe import Recipe

RECIPE = Recipe(size=16, batch=8, iterations=9, seed=5)


def test_every_epoch_has_every_image_once_in_another_order() -> None:
    places = list(loader.Order(10, seed=1, first=0, last=30))
    epochs = [[image for epoch, image in places if epoch == wanted] for wanted in range(3)]
    assert [sorted(one) for one in epochs] == [list(range(10))] * 3
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert places != list(loader.Order(10, seed=2, first=0, last=30))


@pytest.mark.parametrize("world", [2, 3])
def test_processes_share_the_batches_of_one(world: int) -> None:
    alone = list(loader.Order(10, seed=1, first=6, last=30))
    shares = [list(loader.Order(10, 1, 6, 30, rank, world)) for rank in range(world)]
    assert [place for places in zip(*shares, strict=True) for place in places] == alone


def test_a_later_start_finds_the_same_batches(photos: Path) -> None:
    images = open_images(photos)
    whole, rest = (list(loader.batches(loader.training(images, RECIPE, first, 0, 1, 0))) for first in (0, 4))
    assert len(whole) == 9
    for (pixels, labels), (theirs, numbers) in zip(whole[4:], rest, strict=True):
        assert torch.equal(pixels, theirs)
        assert torch.equal(labels, numbers)
    assert not torch.equal(whole[0][0], whole[1][0])


def test_reading_in_other_processes_changes_nothing(photos: Path, tmp_path: Path) -> None:
    pack(photos, tmp_path / "a.lmdb", Form(edge=18, encoding="png"))
    images = open_images(tmp_path / "a.lmdb")
    here, there = (list(loader.batches(loader.training(images, RECIPE, 5, 0, 1, workers))) for workers in (0, 2))
    for (pixels, labels), (theirs, numbers) in zip(here, there, strict=True):
        assert torch.equal(pixels, theirs)
        assert torch.equal(labels, numbers)


def test_evaluation_sees_the_middle_of_every_image_once(photos: Path) -> None:
    images = open_images(photos)
    pixels, labels = zip(*loader.batches(loader.evaluation(images, RECIPE, 0, 1, 0)), strict=True)
    assert torch.cat(labels).tolist() == [0] * 9 + [1] * 9 + [2] * 9
    first = np.asarray(images.read(0).image.resize((21, 18), 3))[1:17, 2:18]  # short edge 18 for a square of 16
    np.testing.assert_array_equal(pixels[0][0], first)


def test_views_move_and_mirror_but_not_where_mirroring_is_off(photos: Path) -> None:
    images = open_images(photos)
    mirrored = 0
    for epoch in range(20):
        with_flip, without = (
            loader.Views(images, 16, Recipe(size=16, flip=flip))[epoch, 3][0] for flip in (True, False)
        )
        if not np.array_equal(with_flip, without):
            np.testing.assert_array_equal(with_flip[:, ::-1], without)
            mirrored += 1
    assert 3 < mirrored < 17


def test_a_broken_image_is_named(photos: Path) -> None:
    (photos / "red" / "3.png").write_bytes(b"no image")
    with pytest.raises(InvalidInput, match=r"red/3\.png is not an image"):
        list(loader.batches(loader.training(open_images(photos), RECIPE, 0, 0, 1, 0)))
