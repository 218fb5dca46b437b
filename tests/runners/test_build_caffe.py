"""The build script, short of building: what it refuses, what it calls the result, and that every edit must fit."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script as a module of its own, with an empty cache."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    spec = importlib.util.spec_from_file_location("build_caffe", SCRIPTS / "build_caffe.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_name_tells_python_and_changes_with_the_recipe(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    before = build.destination()
    assert before.parent.name == "caffe-bridge"
    assert before.name.startswith("caffe-9.0.2-cp{}{}-".format(*sys.version_info[:2]))
    assert build.destination() == before
    monkeypatch.setattr(build, "EDITS", build.EDITS[1:])
    assert build.destination() != before


def test_name_changes_with_a_layers_code(build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = build.destination()
    for layer in build.LAYERS.glob("*.cpp"):
        (tmp_path / layer.name).write_bytes(layer.read_bytes())
    monkeypatch.setattr(build, "LAYERS", tmp_path)
    assert build.destination() == before
    (tmp_path / "clip_layer.cpp").write_text("// other")
    assert build.destination() != before


def test_what_is_there_is_used_at_once(build: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    target = build.destination()
    target.mkdir(parents=True)
    (target / "_caffe.so").write_text("")
    sys_argv, sys.argv = sys.argv, ["build_caffe.py"]
    try:
        build.main()
    finally:
        sys.argv = sys_argv
    assert capsys.readouterr().out == f"{target}\n"


def test_without_root_the_missing_packages_are_named(build: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(build, "installed", lambda package: package not in ("g++", "libhdf5-dev"))
    monkeypatch.setattr(build.os, "geteuid", lambda: 1000)
    with pytest.raises(build.BuildError, match=r"sudo apt-get install -y --no-install-recommends g\+\+ libhdf5-dev$"):
        build.need_packages()


def test_another_python_than_boosts_is_refused(
    build: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "libboost_python307.so").write_text("")
    monkeypatch.setattr(build, "library_folder", lambda: tmp_path)
    with pytest.raises(build.BuildError, match=r"Boost\.Python is for Python 3\.07, not 3"):
        build.need_python_match()


def test_an_edit_that_does_not_fit_stops_the_build(build: ModuleType, tmp_path: Path) -> None:
    edit = build.EDITS[0]
    path = tmp_path / edit.path
    path.parent.mkdir(parents=True)
    for content in ("", edit.find * 2):
        path.write_text(content)
        with pytest.raises(build.BuildError, match="places for an edit that needs one"):
            build.patch(tmp_path)


def test_an_sdist_with_another_hash_is_refused(build: ModuleType, tmp_path: Path) -> None:
    sdist = tmp_path / "x.tar.gz"
    with tarfile.open(sdist, "w:gz"):
        pass
    with pytest.raises(build.BuildError, match=r"has sha256 .*, expected c6410cc6"):
        build.fetch(sdist, tmp_path)


def test_a_failing_command_is_quoted(build: ModuleType) -> None:
    with pytest.raises(build.BuildError, match="compiling x failed:\nno such thing"):
        build.run([sys.executable, "-c", "import sys; sys.exit('no such thing')"], "compiling x")


def test_failure_is_one_sentence_and_an_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPTS / "build_caffe.py"), "--sdist", str(tmp_path / "none.tar.gz")]
    env = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 1
    assert done.stderr.startswith("build_caffe: ")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("caffe-bridge/*")) == []
