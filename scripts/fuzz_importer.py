"""Feed the importer of Caffe files with broken ones: each must end in a file, or in one sentence, in bounded time.

    python -m scripts.fuzz_importer --count 100000

Every input is a pair of fixtures/importer with random damage: bytes flipped, cut, repeated or swapped between files,
numbers replaced by extreme ones, lines dropped or doubled. What ends in another way (an exception that is no
ToolkitError, over --time seconds, over --memory) is told and kept in --keep. Exits 1 where something was found.
"""

from __future__ import annotations

import random
import re
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from converters.caffe import files
from converters.caffe_to_onnx import convert
from scripts.fuzzing import command, damage
from scripts.fuzzing.workers import CONVERTING, End, Limits, Say

CORPUS = Path(__file__).resolve().parents[1] / "fixtures" / "importer"
NUMBERS = ("0", "-1", "1", "2", "3", "7", "65536", "2147483647", "4294967295", "9223372036854775807", "1e38", "nan")
NUMBER = re.compile(rb"(?<=[ :])-?\d[\d.e-]*")
Pair = tuple[bytes, bytes]  # a prototxt and its caffemodel


@dataclass(frozen=True)
class Pairs:
    """Damaged pairs of Caffe files by their number."""

    seed: int

    @cached_property
    def pairs(self) -> list[Pair]:
        """The sound ones."""
        found = sorted(CORPUS.glob("*.prototxt"))
        return [(path.read_bytes(), path.with_suffix(".caffemodel").read_bytes()) for path in found]

    def pair(self, number: int) -> Pair:
        """A pair with one to three damages."""
        rng = random.Random(f"{self.seed} {number}")
        text, weights = rng.choice(self.pairs)
        other = rng.choice(self.pairs)
        for _ in range(rng.randint(1, 3)):
            if rng.random() < 0.7:
                text = rng.choice((_numbers, _lines, _words, damage.changed, damage.cut))(rng, text, other[0])
            else:
                weights = rng.choice(damage.ALL)(rng, weights, other[1])
        return text, weights

    def judge(self, number: int, folder: Path, say: Say) -> End:
        """Import a pair."""
        pair = folder / "net.prototxt", folder / "net.caffemodel"
        for path, content in zip(pair, self.pair(number), strict=True):
            path.unlink(missing_ok=True)  # the one before is still mapped
            path.write_bytes(content)
        say(CONVERTING)
        convert(files.read(*pair))
        return End("imported")

    def report(self, number: int, end: End, limits: Limits, keep: Path) -> str:
        """Keep both files."""
        for suffix, content in zip(("prototxt", "caffemodel"), self.pair(number), strict=True):
            (keep / f"{number}.{suffix}").write_bytes(content)
        return end.detail


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


def main() -> int:
    """Hunt, and return 1 where something was found."""
    options = command.parser(__doc__, Limits(seconds=5)).parse_args()
    print(f"seed {options.seed}", flush=True)
    return command.run(Pairs(options.seed), options, "scripts.fuzz_importer")


if __name__ == "__main__":
    sys.exit(main())
