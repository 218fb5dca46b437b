"""Kill a conversion at the moment of renaming, again and again, and say what is left.

Example: `python scripts/kill_at_renaming.py --tries 200 --megabytes 500`. A caffemodel of that size replaces an older
pair; each try ends by the signal before another of the renames.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnx.parser

from converters.caffe import files
from converters.errors import InvalidInput
from converters.publish import PREFIX

# The conversion in a process of its own, which sends itself the signal right before or after its n-th rename.
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
main.main(words)
"""


def model(path: Path, megabytes: float, seed: int) -> Path:
    """A network of that size; each seed has other weights and another structure."""
    rows = max(4, int(megabytes * 2**20 / 4 / 1024))
    after = "y = Relu(h)" if seed % 2 else "y = Sigmoid(h)"
    text = f"<ir_version: 8, opset_import: ['' : 17]> net (float[1, 1024] x) => (float[1, {rows}] y) "
    proto = onnx.parser.parse_model(text.replace("'", '"') + "{ h = MatMul(x, w) " + after + " }")
    weights = np.random.default_rng(seed).standard_normal((1024, rows), np.float32)
    proto.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    onnx.save(proto, path)
    return path


def convert(source: Path, prefix: Path, at: int, number: int) -> int:
    """Convert; the process gets the signal before its rename number `at`."""
    words = ["onnx-to-caffe", str(source), "-o", str(prefix), "--no-verify"]
    environment = {**os.environ, "TARGET": str(prefix)}
    command = [sys.executable, "-c", VICTIM, str(at), str(number), *words]
    return subprocess.run(command, capture_output=True, env=environment, check=False).returncode


def state(prefix: Path, known: dict[str, set[bytes]]) -> str:
    """What a reader finds: "whole", "noticed" (a mixed pair, refused by name) or "unnoticed"."""
    pair = Path(f"{prefix}.prototxt"), Path(f"{prefix}.caffemodel")
    found = {seed for seed, contents in known.items() if {path.read_bytes() for path in pair} == contents}
    try:
        files.need_pair(*pair)
    except InvalidInput:
        return "whole, refused" if found else "noticed"
    return "whole" if found else "unnoticed"


def leftovers(folder: Path) -> int:
    return len(list(folder.glob(f"{PREFIX}*")))


def tries(folder: Path, count: int, megabytes: float, number: int) -> Counter[str]:
    """Kill `count` conversions over an older pair; what came of each, and the folders left behind in the end."""
    sources = [model(folder / f"{seed}.onnx", megabytes, seed) for seed in (0, 1)]
    prefix, known = folder / "net", {}
    for seed, source in enumerate(sources):
        assert convert(source, prefix, -1, number) == 0
        known[str(seed)] = {Path(f"{prefix}.{end}").read_bytes() for end in ("prototxt", "caffemodel")}
    found: Counter[str] = Counter()
    for turn in range(count):
        code = convert(sources[0], prefix, turn % 3, number)
        assert code in (-number, 128 + number), code
        found[state(prefix, known)] += 1
        found["left when killed"] += leftovers(folder)
        assert convert(sources[1], prefix, -1, number) == 0
        found["left after the next run"] += leftovers(folder)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tries", type=int, default=24)
    parser.add_argument("--megabytes", type=float, default=100)
    parser.add_argument("--signal", default="SIGKILL", choices=["SIGKILL", "SIGTERM", "SIGINT"])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="kill-") as scratch:
        told = tries(Path(scratch), given.tries, given.megabytes, signal.Signals[given.signal])
        for name, number in sorted(told.items()):
            print(f"{name}: {number}")
