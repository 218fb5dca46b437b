"""Results -> JUnit XML, which every CI system shows: a test case for each engine and output, and for each layer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from toolkit.parity.report import Report, Row, Verdict, worst

NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class TestCase:
    """One line of the results. `status` is passed, failed, error or skipped; `message` says why not passed."""

    __test__ = False  # for pytest: it is none

    group: str
    name: str
    status: str
    seconds: float = 0.0
    message: str = ""


def of_report(report: Report) -> list[TestCase]:
    """A case for every engine and output, and where layers were compared for each of them."""
    return [case for row in report.rows for case in _of_row(row)]


def _of_row(row: Row) -> Iterator[TestCase]:
    group = f"{Path(row.model).name}.{row.runtime}"
    seconds = sum(row.run.seconds) if row.run else 0.0
    said = "; ".join(row.reasons)
    outputs = worst(row.comparisons)
    if not outputs or any(comparison.problems for comparison in row.comparisons):
        status = {Verdict.ERROR: "error", Verdict.NOT_RUN: "skipped" if row.optional else "error"}
        yield TestCase(group, "run", status.get(row.verdict, "failed"), seconds, said)
    for output in outputs:
        why = "" if row.verdict.proven else "; ".join(output.reasons)
        if not why and not row.verdict.proven and row.verdict is not Verdict.FAILED:
            why = f"verdict {row.verdict.value}: {said}"
        yield TestCase(group, f"output {output.name}", "failed" if why else "passed", seconds, why)
    for layer in row.layers.layers if row.layers else ():
        why = "; ".join(layer.comparison.reasons) if layer.wrong else ""
        yield TestCase(f"{group}.layers", layer.value, "failed" if layer.wrong else "passed", layer.seconds or 0.0, why)


def write(cases: Sequence[TestCase], path: Path, suite: str = "toolkit parity") -> None:
    """One file, one suite."""
    root = ElementTree.Element("testsuites")
    counts = {
        "tests": len(cases),
        "failures": sum(case.status == "failed" for case in cases),
        "errors": sum(case.status == "error" for case in cases),
        "skipped": sum(case.status == "skipped" for case in cases),
    }
    described = {"name": suite, **{key: str(count) for key, count in counts.items()}}
    element = ElementTree.SubElement(root, "testsuite", described, time=f"{_total(cases):.3f}")
    for case in cases:
        found = ElementTree.SubElement(
            element, "testcase", classname=_clean(case.group), name=_clean(case.name), time=f"{case.seconds:.6f}"
        )
        if case.status != "passed":
            kind = {"failed": "failure", "error": "error", "skipped": "skipped"}[case.status]
            said = ElementTree.SubElement(found, kind, message=_clean(case.message))
            said.text = _clean(case.message)
    ElementTree.indent(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def _total(cases: Sequence[TestCase]) -> float:
    return sum(case.seconds for case in cases)


def _clean(text: str) -> str:
    """Without what XML can't hold."""
    return NO_XML.sub("?", text)
