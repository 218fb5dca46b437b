"""Write what the converter really does: docs/support.md, the lists in docs/dialects.md, tests/cases/refusals.txt.

usage: python scripts/support_table.py [--check]

Each row of tests/cases is lowered and legalised for every dialect. --check writes nothing and exits 1 where a file
differs from what would be written.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import onnx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # the rows are the tests'

from converters.dialects import DIALECTS  # noqa: E402
from converters.dialects.order import REWRITES  # noqa: E402
from converters.errors import ToolkitError  # noqa: E402
from converters.onnx_passes import load  # noqa: E402
from converters.onnx_to_caffe.inspect import Inspection, inspect  # noqa: E402
from converters.onnx_to_caffe.registry import LOWERINGS  # noqa: E402
from scripts import unsupported  # noqa: E402
from tests.cases import all_cases, build  # noqa: E402

ORDER = ("portable", "bvlc-1.0", "bvlc", "ssd", "shufflenet", "brocolli", "opencv")
SUPPORT, DIALECT_PAGE = ROOT / "docs" / "support.md", ROOT / "docs" / "dialects.md"
REFUSALS = ROOT / "tests" / "cases" / "refusals.txt"
REFUSALS_HEAD = """\
# Which dialects refuse which row, by scripts/support_table.py; rows that every dialect must refuse say so themselves.
# tests/converters/test_cases.py demands exactly this: a row that is lost is red, and so is one that was won unseen.
"""
MARK = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.S)
ATTEMPT = re.compile(r"; [a-z_0-9]+: ")  # what each rewrite that was tried says
INTRODUCTION = """# Support

Which ONNX operators convert, in which dialect. For a model of your own, `toolkit inspect net.onnx` tells, node by node.

The words on this page:

- An *operator* is a type of ONNX node, such as `Conv`.
- A *dialect* is the Caffe to write for (`--dialect`); [dialects.md](dialects.md) describes each.
- A *row* is one test: an operator used in one way, with its own attributes, shapes and constants. Each row that
  converts is run in every Caffe engine of the dialect and compared with onnxruntime.
- In the table, `12` means that all 12 rows of this operator convert, `9/12` that nine do, `-` that none does. The
  rows are chosen to include unusual cases, so that `9/12` mostly means: what networks use, converts.
- *Computed* means: it depends on the network's input. *Fixed* or *constant* means: it is known when you convert.

An operator that is not in the table is among those [without a Caffe form](#operators-without-a-caffe-form). What works
on constants alone (shapes, masks, tables) is computed during the conversion, whatever operator it is.

Models that onnxruntime optimised and saved (`optimized_model_filepath`) convert too, up to level `ORT_ENABLE_EXTENDED`:
what it fused (FusedConv, FusedGemm, FusedMatMul, Gelu, BiasGelu, FastGelu, QuickGelu, SkipLayerNormalization,
SimplifiedLayerNormalization) is taken apart again. Level `ORT_ENABLE_ALL` writes a memory layout of its own, which is
refused.

## Operators that convert
"""
REFUSED = """\
Some uses of the operators above have no exact Caffe form, or none in some dialects. Where only some dialects refuse,
take one of the others; else cut the network before the node (`--output`). In brackets: the dialects that refuse for
this reason, and in how many rows."""


@dataclass(frozen=True)
class Use:
    """One row as one operator sees it: for each dialect why that operator keeps it from converting, or ''."""

    op: str
    row: str
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Row:
    """A row of tests/cases: its operators, and for each dialect those that block it, with their reasons."""

    name: str
    refused: bool
    ops: tuple[str, ...]
    blocked: Mapping[str, Mapping[str, str]]


@cache
def rows() -> tuple[Row, ...]:
    """What becomes of every row."""
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, case) in enumerate(all_cases().items()):
            path = Path(folder) / f"{number}.onnx"  # a file of its own: what is loaded stays mapped
            model, _ = build(case)
            onnx.save(model, path)
            ops = dict.fromkeys(node.op_type for node in model.graph.node if node.op_type in LOWERINGS)
            made.append(Row(name, bool(case.refused), tuple(ops), _blocked(path)))
    return tuple(made)


def uses() -> Iterator[Use]:
    """Every row, once for each operator in it. A refusal counts against the operators that it names."""
    for row in rows():
        for op in row.ops:
            others = {
                dialect: next(iter(by_op.values()), "")
                for dialect, by_op in row.blocked.items()
                if not set(by_op) & set(row.ops)
            }
            yield Use(op, row.name, {d: row.blocked[d].get(op, "") or others.get(d, "") for d in ORDER})


def refusals() -> str:
    """The rows that not every dialect takes, each with the dialects that refuse it."""
    lines = [
        f"{row.name}: {' '.join(dialect for dialect in ORDER if row.blocked[dialect])}"
        for row in rows()
        if any(row.blocked.values()) and not row.refused
    ]
    return REFUSALS_HEAD + "".join(f"{line}\n" for line in lines)


def _blocked(path: Path) -> dict[str, dict[str, str]]:
    """For each dialect the operators that keep the model from converting, with their reasons."""
    try:
        found: Inspection = inspect(load(path))
    except ToolkitError as error:
        return {dialect: {"": str(error)} for dialect in ORDER}
    blocked: dict[str, dict[str, str]] = {dialect: {p.op: p.reason for p in found.problems} for dialect in ORDER}
    for node in found.nodes:
        for dialect, reason in node.blockers.items():
            blocked[dialect].setdefault(node.op, reason)
    for dialect in ORDER:
        assert found.converts[dialect] != bool(blocked[dialect]), (path, dialect)
    return blocked


def support() -> str:
    """The page: the table, its totals, and the reasons."""
    by_op: dict[str, list[Use]] = defaultdict(list)
    for use in uses():
        by_op[use.op].append(use)
    lines = [INTRODUCTION, "| operator | " + " | ".join(ORDER) + " |", "|---|" + "---:|" * len(ORDER)]
    for op in sorted(by_op, key=str.lower):
        lines.append(f"| {op} | " + " | ".join(_cell(by_op[op], dialect) for dialect in ORDER) + " |")
    rows = {use.row for found in by_op.values() for use in found}
    totals = [len(rows - {u.row for found in by_op.values() for u in found if u.reasons[d]}) for d in ORDER]
    lines.append(f"| **rows, of {len(rows)}** | " + " | ".join(f"**{total}**" for total in totals) + " |")
    lines += ["", "## Operators without a Caffe form", "", unsupported.page(LOWERINGS), ""]
    lines += ["## Uses that are refused, and why", "", REFUSED, ""]
    for op in sorted(by_op, key=str.lower):
        lines += _reasons(op, by_op[op])
    return "\n".join(lines).rstrip() + "\n"


def _cell(found: list[Use], dialect: str) -> str:
    able = sum(not use.reasons[dialect] for use in found)
    return f"{able}" if able == len(found) else f"{able}/{len(found)}" if able else "-"


def _reasons(op: str, found: list[Use]) -> list[str]:
    """One line a reason: in which dialects, for how many rows."""
    where: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for use in found:
        for dialect, reason in use.reasons.items():
            if reason:
                where[_short(reason, dialect)][dialect].add(use.row)
    if not where:
        return []
    lines = [f"**{op}**", ""]
    for reason, by_dialect in where.items():
        rows = len(set().union(*by_dialect.values()))
        dialects = "every dialect" if len(by_dialect) == len(ORDER) else ", ".join(by_dialect)
        lines.append(f"- {_plain(reason)} ({dialects}; {rows} row{'s' if rows > 1 else ''})")
    return [*lines, ""]


def _short(reason: str, dialect: str) -> str:
    """The limit that is met and what the last rewrite to be tried says, without the dialect's name."""
    limit, *tried = ATTEMPT.split(reason.replace(f"{dialect} has no", "no"))
    return f"{limit}; {tried[-1]}" if tried and tried[-1] != limit else limit


def _plain(text: str) -> str:
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def dialect_table() -> str:
    """Every dialect: its name, what it is, what runs it, and what it has beyond `portable` or bvlc-1.0."""
    lines = ["| dialect | is | has beyond `portable` | checked in |", "|---|---|---|---|"]
    assert set(ORDER) == set(DIALECTS), "a dialect is missing from ORDER"
    for name in ORDER:
        dialect = DIALECTS[name]
        more = sorted(dialect.layers.keys() - DIALECTS["portable"].layers.keys())
        fields = sorted(dialect.layers["Pooling"].fields - DIALECTS["portable"].layers["Pooling"].fields)
        more += [f"Pooling's `{field}`" for field in fields]
        lines.append(f"| `{name}` | {dialect.title} | {', '.join(more) or '-'} | {', '.join(dialect.engines)} |")
    return "\n".join(lines) + "\n"


def rewrite_table() -> str:
    """Every rewrite: its name, what it replaces, and how."""
    kinds: dict[str, list[str]] = defaultdict(list)
    how: dict[str, str] = {}
    for kind, found in REWRITES.items():
        for function in found:
            kinds[function.__name__].append(kind)
            how[function.__name__] = (function.__doc__ or "").strip().split("\n")[0]
    lines = ["| rewrite | for | how |", "|---|---|---|"]
    for name in sorted(how):
        of = ", ".join(sorted(kinds[name])) if len(kinds[name]) < 8 else "any layer"
        lines.append(f"| `{name}` | {of} | {_plain(how[name])} |")
    return "\n".join(lines) + "\n"


def dialect_page() -> str:
    """The page as it is, its generated parts made anew."""
    made = {"dialects": dialect_table, "rewrites": rewrite_table, "chip": chip}
    return MARK.sub(lambda match: match[1] + made[match[2]]() + match[3], DIALECT_PAGE.read_text(encoding="utf-8"))


def chip() -> str:
    """The example file itself."""
    return "```toml\n" + (ROOT / "docs" / "example-npu.toml").read_text(encoding="utf-8") + "```\n"


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = []
    for path, text in ((DIALECT_PAGE, dialect_page()), (SUPPORT, support()), (REFUSALS, refusals())):
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(path)
            if not arguments:
                path.write_text(text, encoding="utf-8")
    for path in stale:
        print(f"{path.relative_to(ROOT)}: {'out of date; run scripts/support_table.py' if arguments else 'written'}")
    return 1 if arguments and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
