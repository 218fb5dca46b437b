"""Files get their names together or not at all, whatever ends the process; a torn pair is named by whoever reads it."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from converters import publish
from converters.caffe import binary, files
from converters.errors import InvalidInput
from converters.onnx_to_caffe import convert_file
from scripts import kill_at_renaming
from toolkit import runners
from toolkit.runners.base import Target

Toolkit = Callable[..., Result]


def pair(folder: Path, name: str, seed: int) -> tuple[Path, Path]:
    model = kill_at_renaming.model(folder / f"{name}.onnx", 0, seed)
    done = convert_file(model, folder / name)
    return Path(done.prototxt), Path(done.caffemodel)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_a_process_that_is_ended_leaves_no_mixed_pair_unnoticed(number: signal.Signals, tmp_path: Path) -> None:
    found = kill_at_renaming.tries(tmp_path, 3, 0, number)
    assert found["unnoticed"] == 0
    assert found["whole, refused"] == 0
    assert found["left after the next run"] == 0
    if number is signal.SIGKILL:
        assert found["noticed"] == 2, "between the caffemodel and the map, and between the map and the prototxt"
        assert found["left when killed"] == 3
    else:
        assert found["whole"] == 3
        assert found["left when killed"] == 0


@pytest.mark.parametrize("command", ["caffe-to-onnx", "export-onnx", "convert"])
def test_a_command_that_is_ended_leaves_what_was_there(command: str, tmp_path: Path) -> None:
    found = kill_at_renaming.tries(tmp_path, 2, 0, signal.SIGTERM, command)
    assert found == {"whole": 2, "left when killed": 0, "left after the next run": 0}


@pytest.mark.parametrize("runtime", ["opencv", "caffe", "caffe-via-onnx"])
def test_every_runner_refuses_a_mixed_pair(runtime: str, tmp_path: Path) -> None:
    if why := runners.available()[runtime]:
        pytest.skip(why)
    prototxt, caffemodel = pair(tmp_path, "one", 0)
    with runners.load(runtime, Target(str(prototxt), caffemodel)) as runner:
        assert runner.inputs
    _, other = pair(tmp_path, "two", 1)
    other.replace(caffemodel)
    with (
        pytest.raises(InvalidInput, match="do not belong together"),
        runners.load(runtime, Target(str(prototxt), caffemodel)),
    ):
        pass


def test_every_command_names_a_mixed_pair(toolkit: Toolkit, tmp_path: Path) -> None:
    prototxt, caffemodel = pair(tmp_path, "one", 0)
    _, other = pair(tmp_path, "two", 1)
    other.replace(caffemodel)
    for words in (
        ("caffe-to-onnx", prototxt, caffemodel, "-o", tmp_path / "back.onnx", "--no-verify"),
        ("parity", tmp_path / "one.onnx", prototxt),
        ("benchmark", prototxt),
    ):
        done = toolkit(*words)
        assert done.exit_code == 4, (words, done.output)
        assert "do not belong together" in done.output


def test_a_prototxt_without_the_line_is_read_without_a_check(tmp_path: Path) -> None:
    prototxt, caffemodel = pair(tmp_path, "one", 0)
    _, other = pair(tmp_path, "two", 1)
    other.replace(caffemodel)
    lines = prototxt.read_text().splitlines(keepends=True)
    prototxt.write_text("".join(line for line in lines if files.MARK not in line))
    assert files.read(prototxt, caffemodel).layers[1].blobs


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    import hashlib

    prototxt, caffemodel = pair(tmp_path, "one", 0)
    found = re.search(f"^# {files.MARK} (.*)$", prototxt.read_text(), re.M)
    assert found is not None
    assert found[1] == hashlib.sha256(caffemodel.read_bytes()).hexdigest()
    with Path(tmp_path, "again").open("wb") as file:
        assert binary.write(files.read(prototxt, caffemodel), file)


@pytest.mark.parametrize("folder", ["out.prototxt", "out.caffemodel", "out.map.json"])
def test_a_folder_in_a_files_place_leaves_everything_as_it_was(folder: str, toolkit: Toolkit, tmp_path: Path) -> None:
    model = kill_at_renaming.model(tmp_path / "net.onnx", 0, 0)
    (tmp_path / folder).mkdir()
    done = toolkit("onnx-to-caffe", model, "-o", tmp_path / "out", "--no-verify")
    assert done.exit_code == 2
    assert "Is a directory" in done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["net.onnx", folder])


def test_a_rename_that_fails_takes_the_earlier_ones_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_text("old")
    replace = Path.replace

    def fails(self: Path, target: Path) -> Path:
        if Path(target).name == "c":
            raise PermissionError(1, "no", str(target))
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fails)
    with publish.scratch(tmp_path) as folder:
        for name in "abc":
            (folder / name).write_text("new")
        with pytest.raises(PermissionError):
            publish.publish({folder / name: tmp_path / name for name in "abc"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_the_folder_of_a_living_process_and_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / ".caffe-mine").mkdir()
    (tmp_path / f"{publish.PREFIX}dead").mkdir()
    with publish.scratch(tmp_path) as first, publish.scratch(tmp_path) as second:
        assert first.is_dir()
        assert second.is_dir()
        assert {path.name for path in tmp_path.iterdir()} == {".caffe-mine", first.name, second.name}
