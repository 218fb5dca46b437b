"""Checkpoints: every way they are saved, every way they fail to fit, and none that runs their code."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from converters.errors import InvalidInput, ToolkitError
from toolkit.models import checkpoint, create

SPEC = "shufflenet_v2_x0.25"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return dict(create(SPEC, num_classes=3, seed=5).state_dict())


def fits(state: dict[str, torch.Tensor], path: Path, **options: int) -> bool:
    loaded = create(SPEC, weights=path, **{"num_classes": 3, **options}).state_dict()
    return all(torch.equal(value, loaded[key]) for key, value in state.items())


@pytest.mark.parametrize("name", ["net.pth", "net.pt", "net.safetensors"])
def test_what_was_saved_is_loaded(name: str, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint.save(state, tmp_path / name)
    assert fits(state, tmp_path / name)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_a_checkpoint_has_the_same_bytes_under_any_name(
    name: str, state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    checkpoint.save(state, tmp_path / name)
    checkpoint.save(state, tmp_path / f"other-{name}")
    assert (tmp_path / name).read_bytes() == (tmp_path / f"other-{name}").read_bytes()


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "optimizer": {}},
        lambda state: {f"module.{key}": value for key, value in state.items()},
        lambda state: {"model": {f"module._orig_mod.{key}": value for key, value in state.items()}},
        lambda state: {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")},
    ],
    ids=["state_dict", "model", "DataParallel", "compiled", "before-0.4.1"],
)
def test_what_training_scripts_wrap_around_it(wrap, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(wrap(state), tmp_path / "net.pth")
    assert fits(state, tmp_path / "net.pth")


def test_other_classes_are_recognised(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint.save(state, tmp_path / "net.pth")
    with pytest.raises(InvalidInput) as caught:
        create(SPEC, weights=tmp_path / "net.pth", num_classes=9)
    assert str(caught.value) == (
        f"{tmp_path}/net.pth does not fit {SPEC}: 2 keys of another shape (network.8.weight is 3x512x1x1, "
        "not 9x512x1x1, network.8.bias is 3, not 9); it looks like 3 classes"
    )


def test_classes_and_image_size_are_the_checkpoints_where_none_are_given(
    state: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    torch.save({"model": state, "recipe": {"size": 64}}, tmp_path / "net.pth")
    made = create(SPEC, weights=tmp_path / "net.pth")
    assert (made.num_classes, made.image_size) == (3, 64)
    assert create(SPEC, weights=tmp_path / "net.pth", image_size=96).image_size == 96
    assert all(torch.equal(value, state[key]) for key, value in made.state_dict().items())


def test_a_new_classifier_stays_random_where_that_is_asked_for(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint.save(state, tmp_path / "net.pth")
    fresh, made = create(SPEC, num_classes=5, seed=7), create(SPEC, num_classes=5, seed=7)
    checkpoint.load_into(made, tmp_path / "net.pth", other_classes=True)
    for key, value in made.state_dict().items():
        wanted = fresh.state_dict()[key] if key.startswith("network.8.") else state[key]
        assert torch.equal(value, wanted)
    with pytest.raises(InvalidInput, match="does not fit"):  # any other misfit is one still
        checkpoint.load_into(create("shufflenet_v2_x0.5", num_classes=5), tmp_path / "net.pth", other_classes=True)


def test_another_width_is_recognised(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint.save(state, tmp_path / "net.safetensors")
    with pytest.raises(InvalidInput, match=r"keys of another shape \(.*, \.\.\.\); it looks like shufflenet_v2_x0.25$"):
        create("shufflenet_v2_x0.5", weights=tmp_path / "net.safetensors", num_classes=3)


def test_missing_and_unexpected_keys_are_counted_and_named(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save({"fc.weight" if key == "network.8.bias" else key: value for key, value in state.items()}, tmp_path / "a")
    with pytest.raises(InvalidInput) as caught:
        create(SPEC, weights=tmp_path / "a", num_classes=3)
    assert str(caught.value) == (
        f"{tmp_path}/a does not fit {SPEC}: 1 key missing (network.8.bias), 1 key unexpected (fc.weight)"
    )


class Bomb:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (self.path,)


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": Bomb(tmp_path / "ran")}, tmp_path / "zip.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    for name in ("zip.pth", "plain.pth"):
        with pytest.raises(InvalidInput, match="it holds pickled code or objects, which are not run") as caught:
            checkpoint.load(tmp_path / name)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "zip.pth", weights_only=False)
    assert (tmp_path / "ran").exists()  # it would have


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("keep", [0, 1, 100, -1000])
def test_a_truncated_file_is_broken_input(name: str, keep: int, state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    checkpoint.save(state, tmp_path / name)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:keep])
    with pytest.raises(InvalidInput, match=r"is not a (readable )?checkpoint: ") as caught:
        checkpoint.load(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("found", [{}, [1, 2], {"epoch": 3}, {"state_dict": {"a": 1}}, torch.zeros(2)])
def test_a_file_without_a_state_dict(found: object, tmp_path: Path) -> None:
    torch.save(found, tmp_path / "net.pth")
    with pytest.raises(InvalidInput, match=r"holds no state dict"):
        checkpoint.load(tmp_path / "net.pth")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no checkpoint"):
        checkpoint.load(tmp_path / "none.pth")


def test_an_unwritable_place_is_one_sentence(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    with pytest.raises(ToolkitError, match=r"can't write .*net\.pth: No such file or directory"):
        checkpoint.save(state, tmp_path / "no" / "net.pth")


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is not a readable checkpoint: it is empty"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is not a checkpoint: torch.save has not written it"),
        (b"weights = 3\n", "is not a checkpoint: torch.save has not written it"),
    ],
)
def test_another_kind_of_file_is_not_said_to_hold_code(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        checkpoint.load(tmp_path / "net.pth")
    assert str(caught.value) == f"{tmp_path}/net.pth {message}"


def test_a_zip_bomb_is_refused_before_it_is_unpacked(
    state: dict[str, torch.Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(state, tmp_path / "net.pth")
    with (
        zipfile.ZipFile(tmp_path / "net.pth") as whole,
        zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as bomb,
    ):
        for entry in whole.infolist():
            bomb.writestr(entry.filename, whole.read(entry))
    assert fits(state, tmp_path / "bomb.pth")  # packed again, but small
    with (
        zipfile.ZipFile(tmp_path / "bomb.pth", "a", zipfile.ZIP_DEFLATED) as bomb,
        bomb.open("net/data/99", "w") as big,
    ):
        for _ in range(1100):
            big.write(bytes(2**20))
    assert (tmp_path / "bomb.pth").stat().st_size < 2**24
    monkeypatch.setattr(torch, "load", lambda *args, **options: pytest.fail("it was unpacked"))
    with pytest.raises(InvalidInput, match=r"bomb\.pth, unpacked, takes 1\.1 GiB; at most 1 GiB is read"):
        checkpoint.load(tmp_path / "bomb.pth")


def test_an_old_checkpoint_is_still_read(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    torch.save(state, tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    assert fits(state, tmp_path / "net.pth")
