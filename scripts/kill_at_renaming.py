"""Kill a command at the moment of renaming, again and again, and say what is left.

Example: `python -m scripts.kill_at_renaming --tries 200 --megabytes 500`. Files of that size replace older ones; each
try ends by the signal before another of the renames. `--command` names what is killed: all of its files are of one run
("whole"), or a prototxt and a caffemodel of two runs are refused by whoever reads them ("noticed").
"""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import onnx.parser

from converters.caffe import files
from converters.errors import InvalidInput
from converters.publish import PREFIX

# The command in a process of its own, which sends itself the signal right before its n-th rename of a file into place.
VICTIM = """
import os, pathlib, signal, sys
from toolkit.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts its background jobs deaf to it
at, number, *words = sys.argv[1:]
count, replace = 0, pathlib.Path.replace
def counted(self, target):
    global count
    if not str(target).startswith(os.environ["TARGET"]):
        return replace(self, target)
    count += 1
    if count == int(at) + 1:
        os.kill(os.getpid(), int(number))
    return replace(self, target)
pathlib.Path.replace = counted
try:
    main.main(words)
finally:
    print("renames:", count)
"""
MODULE = """
import torch
def build():
    torch.manual_seed({seed})
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(1024, {rows}), torch.nn.{after}())
"""
SUFFIXES = {
    "onnx-to-caffe": (".prototxt", ".caffemodel"),
    "caffe-to-onnx": (".onnx",),
    "export-onnx": (".onnx",),
    "convert": (".onnx", ".prototxt", ".caffemodel"),
}


def rows(megabytes: float) -> int:
    return max(4, int(megabytes * 2**20 / 4 / 1024))


def model(path: Path, megabytes: float, seed: int) -> Path:
    """A network of that size; each seed has other weights and another structure."""
    count = rows(megabytes)
    after = "y = Relu(h)" if seed % 2 else "y = Sigmoid(h)"
    text = f"<ir_version: 8, opset_import: ['' : 17]> net (float[1, 1024] x) => (float[1, {count}] y) "
    proto = onnx.parser.parse_model(text.replace("'", '"') + "{ h = MatMul(x, w) " + after + " }")
    weights = np.random.default_rng(seed).standard_normal((1024, count), np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(proto, path)
    return path


def source(command: str, folder: Path, megabytes: float, seed: int) -> list[str]:
    """What the command converts, as its words."""
    if command in ("export-onnx", "convert"):
        path = folder / f"net{seed}.py"
        after = "ReLU" if seed % 2 else "Sigmoid"
        path.write_text(MODULE.format(seed=seed, rows=rows(megabytes), after=after))
        return [f"{path}:build", "--input-shape", "input:1,1024"]
    path = model(folder / f"{seed}.onnx", megabytes, seed)
    if command == "onnx-to-caffe":
        return [str(path)]
    pair = source("onnx-to-caffe", folder, megabytes, seed)
    assert run("onnx-to-caffe", pair, folder / f"source{seed}", -1, signal.SIGKILL)[0] == 0
    return [str(folder / f"source{seed}{suffix}") for suffix in SUFFIXES["onnx-to-caffe"]]


def run(command: str, what: list[str], prefix: Path, at: int, number: int) -> tuple[int, int]:
    """The exit code and how often it renamed; the process gets the signal before its rename number `at`."""
    target = f"{prefix}.onnx" if len(SUFFIXES[command]) == 1 else str(prefix)
    words = [command, *what, "-o", target, *(["--no-verify"] if command in ("onnx-to-caffe", "caffe-to-onnx") else [])]
    environment = {**os.environ, "TARGET": str(prefix)}
    call = [sys.executable, "-c", VICTIM, str(at), str(number), *words]
    done = subprocess.run(call, capture_output=True, env=environment, check=False, text=True)
    told = done.stdout.rpartition("renames: ")[2]
    return done.returncode, int(told) if told.strip().isdigit() else 0


def hashes(command: str, prefix: Path) -> dict[str, str]:
    """The sha256 of each file that the command writes."""
    return {end: hashlib.sha256(Path(f"{prefix}{end}").read_bytes()).hexdigest() for end in SUFFIXES[command]}


def state(command: str, prefix: Path, known: Mapping[int, Mapping[str, str]]) -> str:
    """What a reader finds: "whole", "noticed" (a mixed pair, refused by name) or "unnoticed"."""
    whole = hashes(command, prefix) in known.values()
    if ".prototxt" in SUFFIXES[command]:
        try:
            files.need_pair(Path(f"{prefix}.prototxt"), Path(f"{prefix}.caffemodel"))
        except InvalidInput:
            return "whole, refused" if whole else "noticed"
    return "whole" if whole else "unnoticed"


def leftovers(folder: Path) -> int:
    return len(list(folder.glob(f"{PREFIX}*")))


def tries(folder: Path, count: int, megabytes: float, number: int, command: str = "onnx-to-caffe") -> Counter[str]:
    """Kill `count` runs over older files; what came of each, and the folders left behind in the end."""
    sources = [source(command, folder, megabytes, seed) for seed in (0, 1)]
    prefix, known, renames = folder / "net", {}, 0
    for seed, what in enumerate(sources):
        code, renames = run(command, what, prefix, -1, number)
        assert code == 0, (command, what, code)
        known[seed] = hashes(command, prefix)
    assert renames, "nothing is renamed: nothing to try"
    found: Counter[str] = Counter()
    for turn in range(count):
        code, _ = run(command, sources[0], prefix, turn % renames, number)
        assert code in (-number, 128 + number), code
        found[state(command, prefix, known)] += 1
        found["left when killed"] += leftovers(folder)
        code, _ = run(command, sources[1], prefix, -1, number)
        assert code == 0, code
        found["left after the next run"] += leftovers(folder)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=24)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--signal", default="SIGKILL", choices=["SIGKILL", "SIGTERM", "SIGINT"])
    parser.add_argument("--command", default="onnx-to-caffe", choices=sorted(SUFFIXES))
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch:
        told = tries(Path(scratch), given.tries, given.megabytes, signal.Signals[given.signal], given.command)
        for name, number in sorted(told.items()):
            print(f"{name}: {number}")
