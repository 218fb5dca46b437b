"""Engines in environments of their own: where they are, and what is said where they can't be made."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.runners.conftest import need
from toolkit import engines, runners
from toolkit.engines import environments
from toolkit.engines.commands import BuildError
from toolkit.runners.environment import ENVIRONMENTS, MNN


@pytest.fixture
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for environment in ENVIRONMENTS.values():
        monkeypatch.delenv(environment.variable, raising=False)


def quiet(text: str) -> None:
    """Nobody listens."""


@pytest.mark.usefixtures("_empty_cache")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_missing_says_how_to_get_it(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert f"`toolkit engines build {name}` gets it from PyPI" in runners.available()[name]
    monkeypatch.setenv(ENVIRONMENTS[name].variable, str(tmp_path / "python"))
    assert runners.available()[name] == f"{ENVIRONMENTS[name].variable}={tmp_path / 'python'} is no Python"
    monkeypatch.setenv(ENVIRONMENTS[name].variable, sys.executable)
    assert runners.available()[name] == ""


@pytest.mark.usefixtures("_empty_cache")
def test_another_content_is_another_folder() -> None:
    other = replace(MNN, packages=("MNN==3.6.0",))
    assert other.folder != MNN.folder
    assert other.folder.name.startswith("mnn-3.6.0-cp")


@pytest.mark.usefixtures("_empty_cache")
def test_what_can_not_be_made_leaves_nothing(tmp_path: Path) -> None:
    none = replace(MNN, packages=(str(tmp_path / "absent.whl"),))
    with pytest.raises(BuildError, match="installing MNN failed"):
        environments.build(none, quiet)
    assert not list(none.folder.parent.iterdir())
    with pytest.raises(BuildError, match=r"has packages for Python 3\.7 alone: .*CAFFE_BRIDGE_MNN"):
        environments.build(replace(MNN, pythons=(7,)), quiet)
    with pytest.raises(BuildError, match="mnn is not compiled"):
        engines.build("mnn", quiet, jobs=2)


@pytest.mark.usefixtures("_empty_cache")
def test_its_programs_run_where_it_lies(tmp_path: Path) -> None:
    wheel = tmp_path / "hello-1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("hello.py", "def main():\n    print('hello')\n")
        archive.writestr("hello-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: hello\nVersion: 1\n")
        archive.writestr("hello-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("hello-1.dist-info/entry_points.txt", "[console_scripts]\nhello = hello:main\n")
        archive.writestr("hello-1.dist-info/RECORD", "")
    folder = environments.build(replace(MNN, packages=(str(wheel),)), quiet)
    assert subprocess.run([folder / "bin" / "hello"], capture_output=True, text=True, check=True).stdout == "hello\n"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_what_is_there_is_used_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need(name)
    monkeypatch.delenv(ENVIRONMENTS[name].variable, raising=False)
    if not ENVIRONMENTS[name].python.exists():
        pytest.skip(f"{name} runs in an environment of the user's")
    heard: list[str] = []
    assert engines.build(name, heard.append) == ENVIRONMENTS[name].folder
    assert heard == []
