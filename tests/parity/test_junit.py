from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.parity.fakes import Fake, linear, loads, subject
from toolkit.parity.page import junit
from toolkit.parity.page.junit import TestCase
from toolkit.parity.parity import check
from toolkit.runners.base import RunnerError


def crash(feeds: object) -> dict:
    raise RunnerError("caffe: Check failed")


ENGINES = {
    "fine": (Fake("caffe", linear), {}, ["passed"], None),
    "wrong": (Fake("caffe", lambda feeds: linear(feeds, error=0.1)), {}, ["failed"], "differs by 0.1"),
    "nothing": (Fake("caffe", lambda feeds: {}), {}, ["failed"], "output 'y' is missing"),
    "extra": (
        Fake("caffe", lambda feeds: {**linear(feeds), "z": linear(feeds)["y"]}),
        {},
        ["failed", "passed"],
        "extra",
    ),
    "crash": (Fake("caffe", crash), {}, ["error"], "Check failed"),
    "absent": (Fake("opencv", linear), {}, ["error"], "not run: caffe is not installed"),
    "absent, allowed": (Fake("opencv", linear), {"optional": True}, ["skipped"], "not run: caffe is not installed"),
    "constant": (
        Fake("caffe", lambda feeds: {"y": linear({"x": feeds["x"] * 0 + 1})["y"]}),
        {},
        ["failed"],
        "hardly depends on the input",
    ),
}


@pytest.mark.parametrize("case", ENGINES)
def test_what_is_no_pass_is_no_pass_for_ci(case: str, tmp_path: Path) -> None:
    fake, more, statuses, message = ENGINES[case]
    oracle = Fake("onnxruntime", fake.compute if case == "constant" else linear)
    report = check(subject("onnxruntime", "net.onnx"), [subject("caffe", **more)], loads(oracle, fake))
    cases = junit.of_report(report)
    assert [one.status for one in cases] == statuses
    said = [one.message for one in cases if one.status != "passed"]
    assert all(said)
    assert [one for one in said if message in one] if said else message is None
    assert any(one.status in ("failed", "error") for one in cases) == (not report.passed and not more)


def test_the_file_counts_and_quotes(tmp_path: Path) -> None:
    cases = [
        TestCase("net", "a", "passed", 0.5),
        TestCase("net", 'b "<&\x00\x1b', "failed", 0.25, "differs\nby \ud800 <1>"),
        TestCase("net", "c", "error", 0, "crash"),
        TestCase("net", "d", "skipped", 0, "absent"),
    ]
    path = tmp_path / "new" / "results.xml"
    junit.write(cases, path, "all")
    (suite,) = ElementTree.parse(path).getroot()
    assert suite.attrib == {
        "name": "all",
        "tests": "4",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "0.750",
    }
    found = [(one.attrib["name"], [child.tag for child in one]) for one in suite]
    assert found == [("a", []), ('b "<&??', ["failure"]), ("c", ["error"]), ("d", ["skipped"])]
    assert suite[1][0].attrib["message"] == "differs\nby ? <1>"
