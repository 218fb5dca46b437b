"""Build the wheel, install it alone into an empty environment, and convert a small model with it there.

The wheel's own requirements hold no torch: so the conversion proves that none is needed. Everything happens in a
temporary folder; the first step that fails ends it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

ROOT = Path(__file__).parents[1]
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def model(path: Path) -> Path:
    """A convolution and a ReLU as an ONNX file."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"]),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, 8, 8]) for name, n in (("x", 3), ("y", 4)))
    graph = helper.make_graph(nodes, "net", [x], [y], [numpy_helper.from_array(weight, "w")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def built(folder: Path) -> Path:
    """The wheel with every file of the packages, built from a copy: what an older build left would get into it."""
    source = folder / "source"
    for name in ("converters", "toolkit"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    files = {path.relative_to(source).as_posix() for path in source.glob("*/**/*") if path.is_file()}
    run(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", folder, source, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    if absent := files - set(zipfile.ZipFile(wheel).namelist()):
        sys.exit(f"{wheel.name} lacks {', '.join(sorted(absent))}: see package_data in setup.cfg")
    return wheel


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command where neither checkout nor Caffe is found, and return all that it said; exit where it fails."""
    words = [str(word) for word in command]
    foreign = {name for name in os.environ if name.startswith(("PYTHON", "CAFFE_BRIDGE_"))}
    env = {name: value for name, value in os.environ.items() if name not in foreign}
    env["XDG_CACHE_HOME"] = str(cwd / "cache")
    done = subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def need(text: str, parts: Sequence[str]) -> None:
    for part in parts:
        if part not in text:
            sys.exit(f"'{part}' is not in what the wheel's toolkit said:\n{text}")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wheel = built(folder)
        run(sys.executable, "-m", "venv", "empty", cwd=folder)
        python, toolkit = folder / "empty/bin/python", folder / "empty/bin/toolkit"
        run(python, *PIP, "install", "-c", ROOT / "constraints.txt", wheel, cwd=folder)
        need(run(toolkit, "--version", cwd=folder), ["toolkit 0."])
        net = model(folder / "net.onnx")
        need(run(toolkit, "inspect", net, cwd=folder), ["1 Convolution", "converts in: "])
        need(run(toolkit, "onnx-to-caffe", net, "-o", "out", cwd=folder), ["wrote out.prototxt", "not verified"])
        listed = run(toolkit, "engines", cwd=folder)
        need(listed, ["toolkit engines build caffe", "pip install torch", "pip install 'opencv-python-headless"])
        print(f"{wheel.name}, {wheel.stat().st_size / 1000:.0f} kB: installs alone and converts without torch")


if __name__ == "__main__":
    main()
