"""What every runtime must do alike, over all that are registered; one that is not installed is skipped, saying why."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from converters.errors import InvalidInput, ToolkitError
from tests.runners import files
from tests.runners.conftest import Tiny, need
from toolkit import runners
from toolkit.runners.base import RUNTIMES, RunnerError, RunnerUnavailable, Target

EVERY = sorted(RUNTIMES)
ON_FILES = sorted(name for name, runtime in RUNTIMES.items() if runtime.reads)
OPTIONS = {"torch": {"input_shape": "data:1,3,5,5"}}


def target(tiny: Tiny, name: str, outputs: tuple[str, ...] = ("prod",), threads: int = 1) -> Target:
    path, weights = tiny[name]
    return Target(path, weights, outputs, threads, OPTIONS.get(name, {}))


def assert_close(got: np.ndarray, want: np.ndarray) -> None:
    assert got.shape == want.shape
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("name", EVERY)
def test_computes_the_network(name: str, tiny: Tiny) -> None:
    need(name)
    with runners.load(name, target(tiny, name)) as runner:
        for seed in range(2):
            data = files.image(seed=seed)
            got = runner.run({"data": data})
            assert list(got) == ["prod"]
            assert got["prod"].dtype == np.float32
            assert_close(got["prod"], files.expected(data)["prod"])


@pytest.mark.parametrize("name", EVERY)
def test_says_what_it_is(name: str, tiny: Tiny) -> None:
    need(name)
    with runners.load(name, target(tiny, name, threads=2)) as runner:
        assert runner.name == name
        assert list(runner.inputs) == ["data"]
        assert runner.inputs["data"][1:] == (3, 5, 5)
        assert "CPU, 2 threads" in runner.version
        assert any(character.isdigit() for character in runner.version.split(",")[0]), "no version number"
        runner.run({"data": files.image()})
        assert 0 < runner.seconds < 10


@pytest.mark.parametrize("name", EVERY)
def test_what_is_special_about_it_is_true(name: str, tiny: Tiny) -> None:
    need(name)
    traits = RUNTIMES[name].traits
    path, weights = tiny[name]
    options = {**OPTIONS.get(name, {}), **traits.unfused, **traits.timed}
    with runners.load(name, Target(path, weights, options=options)) as runner:
        assert runner.values, "layers whose own values can be asked for"
        assert traits.by_module == ("prod" not in runner.values)
        got = runner.run({"data": files.image()})
        assert all(array.ndim >= traits.fewest_axes for array in got.values())
        assert bool(runner.layer_seconds) == bool(traits.timed)
    assert traits.title
    assert set(traits.resizes) <= set(RUNTIMES[name].reads)


@pytest.mark.parametrize("name", EVERY)
def test_results_are_the_callers_own(name: str, tiny: Tiny) -> None:
    """A later run must not change what an earlier one returned, nor any run what it was fed."""
    need(name)
    data = files.image()
    data.flags.writeable = False
    with runners.load(name, target(tiny, name)) as runner:
        first = runner.run({"data": data})["prod"]
        kept = first.copy()
        runner.run({"data": files.image(seed=1)})
        np.testing.assert_array_equal(first, kept)
        first[:] = 0
        np.testing.assert_array_equal(runner.run({"data": data})["prod"], kept)


@pytest.mark.parametrize("name", EVERY)
def test_takes_another_batch(name: str, tiny: Tiny) -> None:
    need(name)
    data = files.image(batch=3)
    with runners.load(name, target(tiny, name)) as runner:
        runner.run({"data": files.image()})
        assert_close(runner.run({"data": data})["prod"], files.expected(data)["prod"])


@pytest.mark.parametrize("name", EVERY)
def test_takes_float64_and_strides(name: str, tiny: Tiny) -> None:
    need(name)
    data = np.repeat(files.image().astype(np.float64), 2, axis=3)[..., ::2]
    with runners.load(name, target(tiny, name)) as runner:
        assert_close(runner.run({"data": data})["prod"], files.expected(files.image())["prod"])


@pytest.mark.parametrize("name", ON_FILES)
def test_any_value_can_be_an_output(name: str, tiny: Tiny) -> None:
    """`shift` is written in place by two layers, `high` is the second output of one: both are easily got wrong."""
    need(name)
    data = files.image()
    want = files.expected(data)
    with runners.load(name, target(tiny, name, tuple(want))) as runner:
        assert set(want) <= set(runner.values)
        got = runner.run({"data": data})
    assert list(got) == list(want)
    for value in want:
        assert_close(got[value], want[value])


@pytest.mark.parametrize("name", ON_FILES)
def test_default_outputs_are_the_models(name: str, tiny: Tiny) -> None:
    need(name)
    with runners.load(name, target(tiny, name, ())) as runner:
        assert list(runner.run({"data": files.image()})) == ["prod"]


@pytest.mark.parametrize("name", ON_FILES)
def test_unknown_output_is_refused_by_name(name: str, tiny: Tiny) -> None:
    need(name)
    with pytest.raises(RunnerError, match=r"no value 'prot'.*prod"), runners.load(name, target(tiny, name, ("prot",))):
        pass


@pytest.mark.parametrize("name", EVERY)
def test_wrong_feeds_are_refused_by_name(name: str, tiny: Tiny) -> None:
    need(name)
    with runners.load(name, target(tiny, name)) as runner:
        with pytest.raises(RunnerError, match=r"no input 'dota'; it has data"):
            runner.run({"dota": files.image()})
        with pytest.raises(RunnerError, match="input 'data' was not fed"):
            runner.run({})
        with pytest.raises(RunnerError, match="object, which is not a number"):
            runner.run({"data": np.array([None])})
        want = files.expected(files.image())["prod"]
        assert_close(runner.run({"data": files.image()})["prod"], want)  # nothing was spoiled


@pytest.mark.parametrize("name", EVERY)
def test_wrong_shape_is_an_error_not_a_crash(name: str, tiny: Tiny) -> None:
    need(name)
    with runners.load(name, target(tiny, name)) as runner, pytest.raises(RunnerError, match=f"^{name}: "):
        runner.run({"data": np.zeros((1, 2, 5, 5), np.float32)})


@pytest.mark.parametrize("name", EVERY)
def test_bad_settings_are_usage_errors(name: str, tiny: Tiny) -> None:
    need(name)
    path, weights = tiny[name]
    with pytest.raises(ToolkitError, match="unknown option 'colour'; known: "):
        runners.load(name, Target(path, weights, options={"colour": "red"}))
    with pytest.raises(ToolkitError, match="threads must be at least 1"):
        runners.load(name, Target(path, weights, threads=0))


@pytest.mark.parametrize("name", ON_FILES)
def test_missing_file(name: str, tiny: Tiny, tmp_path: Path) -> None:
    need(name)
    path = tmp_path / Path(tiny[name][0]).name
    with pytest.raises(InvalidInput, match="is not a file"), runners.load(name, Target(str(path))):
        pass


@pytest.mark.parametrize("name", ON_FILES)
@pytest.mark.parametrize("damage", ["cut", "noise", "empty"])
def test_broken_file(name: str, damage: str, tiny: Tiny, tmp_path: Path) -> None:
    need(name)
    good = Path(tiny[name][0]).read_bytes()
    bad = {"cut": good[: len(good) // 2], "noise": bytes(range(256)) * 8, "empty": b""}[damage]
    path = tmp_path / Path(tiny[name][0]).name
    path.write_bytes(bad)
    with (
        pytest.raises((InvalidInput, RunnerError)) as caught,
        runners.load(name, Target(str(path), tiny[name][1], ("prod",))) as runner,
    ):
        runner.run({"data": files.image()})
    assert 10 < len(str(caught.value)) < 2000
    assert "Traceback" not in str(caught.value)


def test_unknown_runtime_and_wrong_suffix(tiny: Tiny) -> None:
    with pytest.raises(ToolkitError, match=r"unknown runtime 'tensorrt'; known: .*onnxruntime"):
        runners.load("tensorrt", Target("x.onnx"))
    with pytest.raises(ToolkitError, match=r"caffe reads \.prototxt files, not 'x\.onnx'"):
        runners.load("caffe", Target("x.onnx"))


def test_what_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CAFFE_BRIDGE_CAFFE", str(tmp_path))
    assert "toolkit engines build caffe" in runners.available()["caffe"]
    with pytest.raises(RunnerUnavailable, match="CAFFE_BRIDGE_CAFFE"):
        runners.load("caffe", Target("x.prototxt"))


def test_import_is_light() -> None:
    program = (
        "import sys, toolkit.runners as r; r.available(); "
        "print(sorted({'torch', 'cv2', 'onnxruntime', 'onnx', 'onnx_ir'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
