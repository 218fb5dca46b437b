from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from converters.errors import InvalidInput, ToolkitError
from toolkit.parity.run import Run, load, record, save

from .fakes import Fake, linear

FEEDS = tuple({"x": np.full((1, 3, 4, 4), value, np.float32)} for value in (0.5, 0.25))
RUN = Run(
    runtime="caffe",
    version="1.0.0, 1 thread",
    model="net.prototxt",
    inputs=FEEDS,
    outputs=(
        {"a/b:0": np.float32([[1, 2]]), "file": np.array([3])},
        {"a/b:0": np.float32([[4, 5]]), "file": np.array([6])},
    ),
    seconds=(0.5, 0.25),
    noise={"a/b:0": 1e-7, "file": math.inf},
    meta={"host": "here"},
)


def same(one: Run, other: Run) -> bool:
    def plain(run: Run) -> Run:
        return replace(run, inputs=(), outputs=())

    pairs = zip((*one.inputs, *one.outputs), (*other.inputs, *other.outputs), strict=True)
    return plain(one) == plain(other) and all(
        a.keys() == b.keys() and all(a[k].dtype == b[k].dtype and np.array_equal(a[k], b[k]) for k in a)
        for a, b in pairs
    )


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    table, arrays = save(RUN, tmp_path / "new" / "v1.caffe")
    assert (table.name, arrays.name) == ("v1.caffe.json", "v1.caffe.npz")
    assert same(load(table), RUN)


@given(
    npst.arrays(npst.floating_dtypes(sizes=(32, 64), endianness="="), npst.array_shapes(min_dims=0)),
    st.text(min_size=1, max_size=9).filter(lambda name: name.encode("utf-8", "ignore").decode() == name),
)
def test_any_name_and_any_floats_come_back(array: np.ndarray, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = replace(RUN, outputs=({name: array}, {name: array}), noise={})
        found = load(save(run, Path(folder) / "r")[0]).outputs[1]
    assert list(found) == [name]
    assert found[name].tobytes() == array.tobytes()
    assert found[name].shape == array.shape


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = save(RUN, tmp_path / "a"), save(RUN, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_the_json_is_strict(tmp_path: Path) -> None:
    def refuse(word: str) -> float:
        raise AssertionError(word)

    found = json.loads(save(RUN, tmp_path / "r")[0].read_text(), parse_constant=refuse)
    assert found["noise"] == {"a/b:0": 1e-7, "file": None}


def test_nothing_is_left_where_saving_fails(tmp_path: Path) -> None:
    texts = {"y": np.array(["text"])}
    with pytest.raises(ToolkitError, match="more than real numbers"):
        save(replace(RUN, outputs=(texts, texts)), tmp_path / "r")
    assert list(tmp_path.iterdir()) == []


def test_halves_of_two_runs_are_no_run(tmp_path: Path) -> None:
    save(RUN, tmp_path / "a")
    save(replace(RUN, inputs=FEEDS[::-1]), tmp_path / "b")
    (tmp_path / "b.npz").replace(tmp_path / "a.npz")
    with pytest.raises(InvalidInput, match=r"a\.json and a\.npz are not of one run"):
        load(tmp_path / "a.json")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"format": 2}, "of format 2; this version reads 1"),
        ({"outputs": [["a/b:0", "file"]]}, "2 inputs, 1 outputs"),
        ({"outputs": [["a/b:0", "file"], ["a/b:0"]]}, "differ in their names"),
        ({"outputs": [["a", "b", "c"], ["a", "b", "c"]]}, "is not a saved run: KeyError"),
        ({"seconds": ["x"]}, "is not a saved run: ValueError"),
        ({"noise": 3}, "is not a saved run: AttributeError"),
        ({"inputs": 3}, "is not a saved run: TypeError"),
    ],
)
def test_a_changed_table_is_refused(change: dict, message: str, tmp_path: Path) -> None:
    path, _ = save(RUN, tmp_path / "r")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(InvalidInput, match=message):
        load(path)


@pytest.mark.parametrize(
    "text, message",
    [("{", "is not JSON"), ("[" * 100_000, "is not JSON"), ("[]", "not a saved run"), ("{}", "not a saved")],
)
def test_what_is_no_run_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(InvalidInput, match=message):
        load(tmp_path / "r.json")


def test_missing_files_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"r\.json can't be read: No such file"):
        load(tmp_path / "r.json")
    save(RUN, tmp_path / "r")
    (tmp_path / "r.npz").unlink()
    with pytest.raises(InvalidInput, match=r"r\.npz can't be read: No such file"):
        load(tmp_path / "r.json")


def test_recording_keeps_what_the_runner_says() -> None:
    steps: list[str] = []
    run = record(Fake("caffe", linear), "net.prototxt", FEEDS, steps.append)
    assert (run.runtime, run.version, run.model, run.seconds) == ("caffe", "1.0", "net.prototxt", (0.25, 0.25))
    np.testing.assert_array_equal(run.outputs[1]["y"], linear(FEEDS[1])["y"])
    assert steps == ["caffe: sample 1 of 2", "caffe: sample 2 of 2"]
