"""How long does a command take to start?

python -m benchmarks.startup [--rounds N]

`toolkit --help`, the help of a command and a usage error, each against a Python that only imports click.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.processes import alternate, ratio
from toolkit.cli.output import print_table

COMMANDS = {
    "toolkit --help": ["--help"],
    "toolkit --version": ["--version"],
    "toolkit onnx-to-caffe --help": ["onnx-to-caffe", "--help"],
    "toolkit benchmark --help": ["benchmark", "--help"],
}
YARDSTICK = 'python -c "import click"'
TARGET = 3.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    given = parser.parse_args()
    commands = {name: [sys.executable, "-m", "toolkit", *words] for name, words in COMMANDS.items()}
    found = alternate({YARDSTICK: [sys.executable, "-c", "import click"], **commands}, given.rounds)
    yardstick = found.pop(YARDSTICK)
    rows = []
    for name, usages in found.items():
        wall = ratio([one.wall for one in usages], [one.wall for one in yardstick])
        cpu = ratio([one.cpu for one in usages], [one.cpu for one in yardstick])
        rows.append([name, str(wall), str(cpu), "met" if wall.middle <= TARGET else "MISSED"])
    milliseconds = 1000 * min(one.wall for one in yardstick)
    print_table(
        ("command", "wall", "CPU", f"at most {TARGET:g}"), rows, f"Ratios to {YARDSTICK}, {milliseconds:.0f} ms"
    )


if __name__ == "__main__":
    main()
