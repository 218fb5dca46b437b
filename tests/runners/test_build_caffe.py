"""Building Caffe, short of compiling: what is refused, what the result is called, and that every edit must fit."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from toolkit.engines import commands, debian
from toolkit.engines.caffe import build, machine, recipe, source
from toolkit.engines.commands import BuildError


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def quiet(text: str) -> None:
    """Nobody listens."""


def test_name_tells_python_and_changes_with_the_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe.destination()
    assert before.parent.name == "caffe-bridge"
    assert before.name.startswith("caffe-9.0.2-cp{}{}-".format(*sys.version_info[:2]))
    assert recipe.destination() == before
    monkeypatch.setattr(recipe, "EDITS", recipe.EDITS[1:])
    assert recipe.destination() != before


def test_name_changes_with_a_layers_code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = recipe.destination()
    for layer in recipe.LAYERS.glob("*.cpp"):
        (tmp_path / layer.name).write_bytes(layer.read_bytes())
    monkeypatch.setattr(recipe, "LAYERS", tmp_path)
    assert recipe.destination() == before
    (tmp_path / "clip_layer.cpp").write_text("// other")
    assert recipe.destination() != before


def test_what_is_there_is_used_at_once() -> None:
    target = recipe.destination()
    target.mkdir(parents=True)
    (target / "_caffe.so").write_text("")
    heard: list[str] = []
    assert build(heard.append) == target
    assert heard == []


def test_without_root_the_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "installed", lambda package: package not in ("g++", "libhdf5-dev"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(BuildError, match=r"sudo apt-get install -y --no-install-recommends g\+\+ libhdf5-dev$"):
        debian.need(machine.PACKAGES, quiet)


def test_another_python_than_debians_is_refused_before_anything_is_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    debians = tmp_path / "python3"
    debians.write_text("#!/bin/sh\necho 307\n")
    debians.chmod(0o755)
    monkeypatch.setattr(machine, "DEBIANS_PYTHON", debians)
    monkeypatch.setattr(debian, "is_here", lambda: True)
    monkeypatch.setattr(debian, "need", lambda *_: pytest.fail("something was to be installed"))
    with pytest.raises(BuildError, match=r"Boost\.Python is for Python 3\.07, not 3"):
        machine.need_all(quiet)


def test_another_python_than_boosts_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(machine, "library_folder", lambda: tmp_path)
    monkeypatch.setattr(machine.sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    with pytest.raises(BuildError, match=r"Python\.h is missing; .*\n  sudo apt-get install python3\.\d+-dev$"):
        machine.need_python_match()
    (tmp_path / "Python.h").write_text("")
    (tmp_path / "libboost_python307.so").write_text("")
    with pytest.raises(BuildError, match=r"Boost\.Python is for Python 3\.07, not 3"):
        machine.need_python_match()


def test_an_edit_that_does_not_fit_stops_the_build(tmp_path: Path) -> None:
    edit = source.EDITS[0]
    path = tmp_path / edit.path
    path.parent.mkdir(parents=True)
    for content in ("", edit.find * 2):
        path.write_text(content)
        with pytest.raises(BuildError, match="places for an edit that needs one"):
            source.patch(tmp_path)


def test_an_sdist_with_another_hash_is_refused(tmp_path: Path) -> None:
    sdist = tmp_path / "x.tar.gz"
    with tarfile.open(sdist, "w:gz"):
        pass
    with pytest.raises(BuildError, match=r"has sha256 .*, expected c6410cc6"):
        source.fetch(sdist, tmp_path, quiet)


def test_a_failing_command_is_quoted() -> None:
    with pytest.raises(BuildError, match="compiling x failed:\nno such thing"):
        commands.run([sys.executable, "-c", "import sys; sys.exit('no such thing')"], "compiling x")
    with pytest.raises(BuildError, match=r"compiling x failed: /no/compiler: No such file"):
        commands.run(["/no/compiler"], "compiling x")


def test_failure_is_one_sentence_an_exit_code_and_no_litter(tmp_path: Path) -> None:
    """Whatever this machine lacks, a broken archive or a package, the build stops with it."""
    (tmp_path / "not.tar.gz").write_text("no archive")
    command = [sys.executable, "-m", "toolkit", "engines", "build", "caffe", "--source", str(tmp_path / "not.tar.gz")]
    program = "import os, sys; os.geteuid = lambda: 1000; from toolkit.cli import main; main()"  # installs nothing
    command = [sys.executable, "-c", program, *command[3:]]
    env = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("caffe-bridge/*")) == []
