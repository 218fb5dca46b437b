"""Imports point down only, and nothing heavy is imported before it is used."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.cli.remedies import FLAGS

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {
    "converters.errors": set(),
    "converters.names": set(),
    "converters.wire": set(),
    "converters.preprocessing": {"converters.errors"},
    "converters.publish": set(),
    "converters.uncollected": set(),
    "converters.mapping": {"converters.errors", "converters.preprocessing"},
    "converters.onnx": {"converters.errors", "converters.onnx", "converters.wire"},
    "converters.caffe": {"converters.caffe", "converters.errors", "converters.preprocessing", "converters.wire"},
    "converters.dialects": {"converters.caffe", "converters.dialects", "converters.errors"},
    "converters.onnx_passes": {
        *("converters.errors", "converters.onnx", "converters.onnx_passes", "converters.wire"),
    },
    "converters.onnx_to_caffe": {
        *("converters.caffe", "converters.dialects", "converters.errors"),
        *("converters.mapping", "converters.names", "converters.onnx", "converters.preprocessing"),
        *("converters.onnx_passes", "converters.onnx_to_caffe", "converters.publish", "converters.uncollected"),
    },
    "converters.caffe_to_onnx": {
        *("converters.caffe", "converters.caffe_to_onnx", "converters.errors", "converters.onnx"),
        "converters.publish",
    },
}
FORBIDDEN = {"torch", "click", "rich", "toolkit", "cv2", "onnxscript"}


def imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room(module: str) -> str:
    return ".".join(module.split(".")[:2])


@pytest.mark.parametrize("path", sorted((ROOT / "converters").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_converters_import_downwards(path: Path) -> None:
    module = room(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = imports(path)
    assert not {name for name in found if name.split(".")[0] in FORBIDDEN}
    if path.relative_to(ROOT).as_posix() != "converters/onnx_passes/ort.py":
        assert not {name for name in found if name.startswith("onnxruntime")}
    if module in MAY_IMPORT:
        ours = {room(name) for name in found if name.startswith("converters.")}
        assert ours <= MAY_IMPORT[module]


@pytest.mark.parametrize("path", sorted((ROOT / "toolkit").rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_command_line_knows_click(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    found = imports(path)
    if parts[1] not in ("cli", "__main__.py"):
        assert not {name for name in found if name.split(".")[0] in ("click", "rich") or name.startswith("toolkit.cli")}
    if parts[1] in ("parity", "benchmark"):
        ours = {name for name in found if name.startswith("toolkit.runners.")}
        assert {".".join(name.split(".")[:3]) for name in ours} <= {"toolkit.runners.base"}


def files(path: Path) -> set[Path]:
    """The files of this project that a file imports: of `from package import module` the module alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            parts = [file(f"{node.module}.{alias.name}") or file(node.module) for alias in node.names]
            found.update(filter(None, parts))
        elif isinstance(node, ast.Import):
            found.update(filter(None, (file(alias.name) for alias in node.names)))
    return found


def file(module: str) -> Path | None:
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def test_no_files_import_in_a_circle() -> None:
    """Take away, again and again, the files that import none of those left, then those that none imports."""
    left = {path: files(path) for folder in ("converters", "toolkit") for path in (ROOT / folder).rglob("*.py")}
    assert left[file("converters.dialects.legalise")] >= {file("converters.dialects.order")}  # imports are seen
    while free := [path for path, wanted in left.items() if not wanted & left.keys()]:
        for path in free:
            del left[path]
    while unread := left.keys() - {read for wanted in left.values() for read in wanted}:  # it only reads one
        for path in unread:
            del left[path]
    assert sorted(str(path.relative_to(ROOT)) for path in left) == []


@pytest.mark.parametrize(
    "room, never",
    [
        ("toolkit/parity", ("toolkit.parity.localise", "toolkit.parity.page", "toolkit.cli")),
        ("toolkit/parity/localise", ("toolkit.parity.page",)),
        ("toolkit/parity/page", ("toolkit.parity.localise",)),
    ],
)
def test_the_rooms_of_parity_stand_on_its_core(room: str, never: tuple[str, ...]) -> None:
    inside = list((ROOT / room).glob("*.py"))
    assert len(inside) > 3
    assert [(path.name, name) for path in inside for name in imports(path) if name.startswith(never)] == []


def test_converting_needs_no_torch() -> None:
    code = "import sys, converters.onnx_to_caffe; sys.exit(any(m in sys.modules for m in ('torch', 'click', 'cv2')))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def texts(path: Path) -> set[str]:
    """Every string in a file that is no docstring."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    }


def test_only_the_command_line_names_its_flags() -> None:
    """A library's message carries the fact and the remedy; toolkit/cli/remedies.py words the flag."""
    reasons = {
        "toolkit/parity/localise/repro.py": "a command for a README, to be copied",
        "toolkit/runners/torch.py": "a command of pip",
        "toolkit/runners/worker/mnn_engine.py": "MNN's converter, called by its command line",
    }
    apart = ("toolkit/cli/", "toolkit/engines/")  # engines runs git, make and the like
    named = {
        path.relative_to(ROOT).as_posix()
        for folder in ("converters", "toolkit")
        for path in (ROOT / folder).rglob("*.py")
        if any(re.search(r"(^|\s)--[a-z]", text) for text in texts(path))
    }
    assert {name for name in named if not name.startswith(apart)} == set(reasons)
    assert any(name.startswith(apart) for name in named), "flags are seen"


def test_every_remedy_has_its_flag() -> None:
    settings = {
        str(node.args[1].value)
        for folder in ("converters", "toolkit")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Remedy"
        if len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
    }
    assert settings == FLAGS.keys()


def test_no_file_is_long() -> None:
    """A file tells one story."""
    long = [
        str(path.relative_to(ROOT))
        for folder in ("converters", "toolkit", "scripts", "benchmarks", "fixtures")
        for path in (ROOT / folder).rglob("*.py")
        if len(path.read_text(encoding="utf-8").splitlines()) > 300
    ]
    assert sorted(long) == []
