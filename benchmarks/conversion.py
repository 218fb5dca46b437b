"""What does a conversion cost in time and memory, against a script that only loads the model and writes its weights?

python -m benchmarks.conversion [--models FOLDER] [--rounds N] [--verify]

Whole processes, imports included: `toolkit onnx-to-caffe --no-verify` and benchmarks/floor.py in turn. The models are
made by benchmarks/models.py, in FOLDER if it is given, so that the next run finds them. With --verify a third process
converts and runs what it wrote, as the command does by default.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.processes import Usage, alternate, ratio
from toolkit.cli.output import print_table

FLOOR = str(Path(__file__).with_name("floor.py"))
TOOLKIT = (sys.executable, "-m", "toolkit")


@dataclass(frozen=True)
class Goal:
    """A model and what it may cost: time and memory as a part of the floor's, or memory as a part of its weights."""

    model: str
    external: bool = False
    wall: float | None = None
    memory: float | None = None
    memory_to_weights: float | None = None


GOALS = (
    Goal("mobilenet_v2", wall=3.5, memory=1.2),
    Goal("resnet50", wall=2.5, memory=1.2),
    Goal("vgg11", wall=1.5, memory=1.2),
    Goal("vgg11", external=True, memory_to_weights=1.3),
)


def measured(path: Path, folder: Path, rounds: int, verify: bool) -> dict[str, list[Usage]]:
    """The floor, the conversion and perhaps the verified conversion of a model, in turn."""
    convert = [*TOOLKIT, "onnx-to-caffe", str(path), "-o", str(folder / "net")]
    commands = {"floor": [sys.executable, FLOOR, str(path), str(folder / "weights")], "ours": [*convert, "--no-verify"]}
    return alternate({**commands, "verified": convert} if verify else commands, rounds)


def written(folder: Path, goal: Goal) -> Path:
    """Make a model in a process of its own: a child's peak memory counts from its parent's, which must stay small."""
    code = f"from pathlib import Path; from benchmarks.models import write; print(write(Path({str(folder)!r}), "
    code += f"{goal.model!r}, {goal.external!r}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return Path(done.stdout.strip())


def judged(value: float, most: float | None) -> str:
    """A number beside what it must not exceed."""
    if most is None:
        return f"{value:.2f}"
    return f"{value:.2f} of {most:g}: {'met' if value <= most else 'MISSED'}"


def cells(goal: Goal, found: dict[str, list[Usage]], weights: int) -> list[str]:
    """One row: time and memory of the floor, and ratios to it."""
    floor, ours = found["floor"], found["ours"]
    wall = ratio([one.wall for one in ours], [one.wall for one in floor])
    cpu = ratio([one.cpu for one in ours], [one.cpu for one in floor])
    memory, floor_memory = (max(one.memory for one in usages) for usages in (ours, floor))
    row = [
        goal.model + " (external data)" * goal.external,
        f"{min(one.wall for one in floor):.2f}",
        f"{judged(wall.middle, goal.wall)} ({wall.low:.2f}-{wall.high:.2f})",
        f"{cpu.middle:.2f} ({cpu.low:.2f}-{cpu.high:.2f})",
        f"{floor_memory / 1e6:.0f}",
        judged(memory / floor_memory, goal.memory),
        judged(memory / weights, goal.memory_to_weights),
    ]
    if "verified" in found:
        row.append(f"{min(one.wall for one in found['verified']) - min(one.wall for one in ours):.2f}")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, help="a folder to keep the models in; 1.2 GB")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--verify", action="store_true", help="show what verification adds")
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for goal in GOALS:
            path = written(given.models or folder, goal)
            weights = path.with_suffix(".weights") if goal.external else path
            rows.append(cells(goal, measured(path, folder, given.rounds, given.verify), weights.stat().st_size))
    columns = ["model", "floor s", "wall / floor", "CPU / floor", "floor MB", "memory / floor", "memory / weights"]
    print_table([*columns, "verifying adds s"] if given.verify else columns, rows, "Conversion, whole processes")


if __name__ == "__main__":
    main()
