"""Write the table of docs/chips/networks.md: which dialect takes which network, in how many layers.

usage: python scripts/chip_table.py [--check] FOLDER_OR_FILE.onnx ...

Nothing is run; inputs whose shape a file leaves open get a batch of 1 and images of 224 x 224. --check writes nothing
and exits 1 where the page differs from what would be written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from converters.dialects import NAMES  # noqa: E402
from converters.onnx_passes import load  # noqa: E402
from converters.onnx_to_caffe.survey import Row, survey  # noqa: E402

PAGE = ROOT / "docs" / "chips" / "networks.md"
MARK = re.compile(r"(<!-- generated: networks -->\n).*(<!-- end -->)", re.S)
ATTEMPT = re.compile(r"; [a-z_0-9]+: ")  # what a rewrite that was tried says
BATCH, SIDE = 1, 224


def files(places: Sequence[str]) -> list[Path]:
    """The .onnx files that are named, or that stand in a folder."""
    return [
        file for place in map(Path, places) for file in (sorted(place.glob("*.onnx")) if place.is_dir() else [place])
    ]


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """A shape for each input that has an open dimension."""
    graph = onnx.load(str(path), load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    found = {}
    for value in graph.input:
        dims = value.type.tensor_type.shape.dim
        if value.name not in constants and any(not dim.dim_value for dim in dims):
            sizes = [dim.dim_value or (SIDE if place > 1 else BATCH) for place, dim in enumerate(dims)]
            found[value.name] = tuple(sizes)
    return found


def table(found: Mapping[str, Sequence[Row]]) -> str:
    """One row a network, one column a dialect; below what blocks first, once for each reason."""
    lines = ["| network | " + " | ".join(NAMES) + " |", "|---|" + "---:|" * len(NAMES)]
    for network, rows in found.items():
        lines.append(f"| {network} | " + " | ".join(map(_cell, rows)) + " |")
    totals = [sum(rows[place].converts for rows in found.values()) for place in range(len(NAMES))]
    lines.append(f"| **takes, of {len(found)}** | " + " | ".join(f"**{total}**" for total in totals) + " |")
    lines += ["", "What blocks first:", ""]
    for network, rows in found.items():
        lines += [f"- {network}, {row.dialect}: {_reason(row)}" for row in rows if not row.converts]
    return "\n".join(lines) + "\n"


def _cell(row: Row) -> str:
    slow = sum(row.slow.values())
    return (f"{row.layers}" + f" ({slow})" * bool(slow)) if row.converts else "-"


def _reason(row: Row) -> str:
    first = row.blockers[0]
    more = f" (and {len(row.blockers) - 1} more)" if len(row.blockers) > 1 else ""
    return f"{first.op}: {ATTEMPT.split(first.reason)[0].replace('<', '&lt;').replace('|', '/')}{more}"


def main(arguments: list[str]) -> int:
    check = arguments[:1] == ["--check"]
    networks = files(arguments[check:])
    if not networks:
        print(__doc__, file=sys.stderr)
        return 2
    found = {path.stem: survey(load(path), input_shapes=shapes(path)) for path in networks}
    old = PAGE.read_text(encoding="utf-8")
    new = MARK.sub(lambda match: match[1] + table(found) + match[2], old)
    if new == old:
        return 0
    if not check:
        PAGE.write_text(new, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {'out of date' if check else 'written'}")
    return int(check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
