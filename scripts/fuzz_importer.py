"""Feed the importer of Caffe files with broken ones: each must end in a file, or in one sentence, in bounded time.

    python scripts/fuzz_importer.py --runs 100000

Every input is a pair of fixtures/importer with random damage: bytes flipped, cut, repeated or swapped between files,
numbers replaced by extreme ones, lines dropped or doubled. What ends in another way (an exception that is no
ToolkitError, over --seconds of time) is kept in --keep and told at the end; memory is limited by --memory.
"""

from __future__ import annotations

import argparse
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
CORPUS = ROOT / "fixtures" / "importer"
NUMBERS = ("0", "-1", "1", "2", "3", "7", "65536", "2147483647", "4294967295", "9223372036854775807", "1e38", "nan")
NUMBER = re.compile(rb"(?<=[ :])-?\d[\d.e-]*")


class TooLong(Exception):
    """An input took longer than it may."""


def main() -> int:
    """Run, and return 1 where an input ended in another way than it may."""
    options = _options()
    resource.setrlimit(resource.RLIMIT_AS, (options.memory << 20, options.memory << 20))
    signal.signal(signal.SIGPROF, _too_long)
    pairs = [
        (path.read_bytes(), path.with_suffix(".caffemodel").read_bytes()) for path in sorted(CORPUS.glob("*.prototxt"))
    ]
    _end(*(CORPUS / f"pooling.{suffix}" for suffix in ("prototxt", "caffemodel")), seconds=60)  # imports what is needed
    ends: Counter[str] = Counter()
    slowest, bad = 0.0, 0
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        prototxt, caffemodel = Path(folder, "net.prototxt"), Path(folder, "net.caffemodel")
        for run in range(options.start, options.start + options.runs):
            rng = random.Random(run)
            for path, content in zip((prototxt, caffemodel), _damaged(rng, rng.choice(pairs), pairs), strict=True):
                path.write_bytes(content)
            began = time.process_time()
            end = _end(prototxt, caffemodel, options.seconds)
            slowest = max(slowest, time.process_time() - began)
            ends[end.split(":")[0]] += 1
            if end.startswith("!"):
                bad += 1
                _keep(options.keep, run, prototxt, caffemodel, end)
    for end, count in ends.most_common():
        print(f"{count:8} {end}")
    print(f"slowest {slowest:.2f} s, peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MiB")
    print(f"{options.runs} inputs, {bad} of them bad" + (f", kept in {options.keep}" if bad else ""))
    return int(bad > 0)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0, help="the first seed: each input has its own")
    parser.add_argument("--seconds", type=float, default=1.0, help="of processor time that an input may take")
    parser.add_argument("--memory", type=int, default=4096, help="MiB of address space for all")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    return parser.parse_args()


def _end(prototxt: Path, caffemodel: Path, seconds: float) -> str:
    """How the import of a pair ended; what begins with ! is a finding."""
    from converters.caffe import files
    from converters.caffe_to_onnx import convert
    from converters.errors import ToolkitError

    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        convert(files.read(prototxt, caffemodel))
    except ToolkitError as error:
        return f"{type(error).__name__}: {error}"
    except TooLong:
        return "!TooLong"
    except BaseException as error:  # noqa: BLE001 - this is what is looked for
        return f"!{type(error).__name__}: {traceback.format_exc()}"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return "imported"


def _too_long(number: int, frame: FrameType | None) -> None:
    raise TooLong


def _keep(folder: Path, run: int, prototxt: Path, caffemodel: Path, end: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run}.prototxt").write_bytes(prototxt.read_bytes())
    (folder / f"{run}.caffemodel").write_bytes(caffemodel.read_bytes())
    (folder / f"{run}.txt").write_text(end, encoding="utf-8")


def _damaged(rng: random.Random, pair: tuple[bytes, bytes], pairs: list[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
    text, weights = pair
    other = rng.choice(pairs)
    for _ in range(rng.randint(1, 3)):
        if rng.random() < 0.7:
            text = rng.choice((_numbers, _lines, _words, _bytes, _cut))(rng, text, other[0])
        else:
            weights = rng.choice((_bytes, _cut, _mixed))(rng, weights, other[1])
    return text, weights


def _numbers(rng: random.Random, data: bytes, other: bytes) -> bytes:
    places = list(NUMBER.finditer(data))
    if not places:
        return data
    place = rng.choice(places)
    return data[: place.start()] + rng.choice(NUMBERS).encode() + data[place.end() :]


def _lines(rng: random.Random, data: bytes, other: bytes) -> bytes:
    lines = data.splitlines(keepends=True) or [b""]
    at = rng.randrange(len(lines))
    change = rng.randrange(4)
    if change == 0:
        del lines[at]
    elif change == 1:
        lines.insert(rng.randrange(len(lines) + 1), lines[at])
    elif change == 2:
        lines.insert(at, rng.choice(other.splitlines(keepends=True)))
    else:
        lines[at:at] = lines[at : at + 3] * rng.choice((2, 50, 1000))
    return b"".join(lines)


def _words(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One word in the place of another: a type, a name, a field."""
    mine, theirs = re.findall(rb"\w+", data), re.findall(rb"\w+", data + other)
    if not mine:
        return data
    return data.replace(rng.choice(mine), rng.choice(theirs), rng.choice((1, -1)))


def _bytes(rng: random.Random, data: bytes, other: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32)) if changed else 0):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes, other: bytes) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _mixed(rng: random.Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[rng.randrange(len(other) + 1) :]


if __name__ == "__main__":
    sys.exit(main())
