"""What stands in the file before any script runs: words, escaping, size, and everything that it needs."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from converters.errors import ToolkitError
from tests.report import sample
from toolkit.parity.page import wording
from toolkit.parity.page.html import write, write_check

HOSTILE = "<script>hacked=1</script><img src=x onerror=hacked=1>\"'&{{7*7}}</script>]]>-->\u202e"


class Page(HTMLParser):
    """Elements with their attributes, and the text of scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.words: list[str] = []
        self._script: dict[str, str | None] | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is not None:
            self.scripts.append((self._script, data))
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def packed(self, name: str) -> str:
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == name]
        return gzip.decompress(base64.b64decode(text)).decode()


def written(tmp_path: Path, report: dict[str, Any]) -> str:
    write(report, tmp_path / "out.html")
    return (tmp_path / "out.html").read_text("utf-8")


def test_the_file_holds_the_report_and_plotly_once_and_is_small(tmp_path: Path) -> None:
    report = sample.report(count=80)
    text = written(tmp_path, report)
    page = Page(text)
    assert json.loads(page.packed("data")) == [report]
    assert page.packed("plotly").count("window.Plotly = Plotly") == 1
    assert len(text.encode()) < 6e6
    assert text.count("H4sI") == 2  # two gzip streams in all


def test_nothing_in_the_file_points_outside(tmp_path: Path) -> None:
    page = Page(written(tmp_path, sample.report()))
    targets = [
        value
        for _, attributes in page.tags
        for key, value in attributes.items()
        if key in ("src", "href", "srcset", "action", "poster", "data")
    ]
    assert targets
    assert {value[:5] if value.startswith("data:") else value[:1] for value in targets if value} == {"data:", "#"}
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {value[1:] for value in targets if value and value.startswith("#")} <= ids


def test_the_policy_allows_our_scripts_and_no_other(tmp_path: Path) -> None:
    page = Page(written(tmp_path, sample.report()))
    policy = next(a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy") or ""
    run = [text for attributes, text in page.scripts if "type" not in attributes] + [page.packed("plotly")]
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in run}
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert set(directives["script-src"].split()) == hashes
    assert directives["default-src"] == "'none'"


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    report = sample.report(verdict="failed", bad=3, rename=lambda name: name + HOSTILE)
    text = written(tmp_path, report)
    page = Page(text)
    assert "<img" not in text
    assert "<script>hacked" not in text
    assert "49" not in page.text
    assert len(page.scripts) == 4  # early, data, plotly, ours
    assert "net.onnx<script>hacked=1</script>" in page.text
    assert json.loads(page.packed("data")) == [report]


def test_what_is_no_unicode_is_written_too(tmp_path: Path) -> None:
    report = sample.report(rename=lambda name: name + "\ud800")
    assert "net.onnx\\ud800" in written(tmp_path, report)


@pytest.mark.parametrize(
    "verdict, bad, told",
    [
        ("passed", None, "Passed Caffe and OpenCV compute what net.onnx computes"),
        ("failed", 2, "Failed Caffe and OpenCV do not compute what net.onnx computes"),
        ("insensitive", None, "Not proven The outputs agree, but they hardly depend on the input"),
        ("ill-conditioned", 2, "Not proven The outputs differ, but no more than rounding moves the reference itself"),
        ("not run", None, "Not run Nothing was compared"),
        ("error", None, "Error Caffe and OpenCV could not run the network"),
    ],
)
def test_every_verdict_is_a_sentence(tmp_path: Path, verdict: str, bad: int | None, told: str) -> None:
    page = Page(written(tmp_path, sample.report(verdict=verdict, bad=bad)))
    assert told in page.text
    if verdict != "passed":
        assert f"Caffe and OpenCV: a reason of {verdict}" in page.text


def test_the_lead_says_how_near(tmp_path: Path) -> None:
    assert wording.lead(sample.report(count=12)).endswith("; 0.0001 is allowed (909 times less than that).")
    assert "differs by 0.1 of its largest value" in wording.lead(sample.report(bad=2, verdict="failed"))
    assert wording.lead(sample.report(count=1)).endswith("Every number is exactly equal.")
    broken = sample.report(verdict="failed")
    broken["rows"][0]["samples"][0][0]["required_tolerance"] = None
    assert "can't be measured" in wording.lead(broken)


def test_the_culprit_is_told_once_for_all_engines(tmp_path: Path) -> None:
    page = Page(written(tmp_path, sample.report(verdict="failed", bad=5)))
    assert page.text.count("Where it begins in") == 1
    assert "Where it begins in Caffe and OpenCV The first to differ is 'block1/unit5'." in page.text
    assert "Run alone the fault is in this layer" in page.text


def test_without_layers_there_is_no_plot_and_the_page_says_how_to_get_one(tmp_path: Path) -> None:
    page = Page(written(tmp_path, sample.report(deep=False)))
    assert "Run it again with --layers" in page.text
    assert not any(attributes.get("id") == "plotly" for _, attributes in page.tags)


@pytest.mark.parametrize("missing", ["plotly.offline", "jinja2"])
def test_without_the_extra_the_error_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ToolkitError, match=r"pip install 'caffe-bridge-toolkit\[report\]'"):
        write(sample.report(), tmp_path / "out.html")
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "out.html", tmp_path / "folder"):
        with pytest.raises(ToolkitError, match="can't write"):
            write(sample.report(deep=False), path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_a_check_shows_the_failed_first_and_every_report(tmp_path: Path) -> None:
    found = sample.check(
        [
            ("net / portable / caffe", "passed", sample.report()),
            ("net / bvlc / caffe", "skipped", None),
            ("net / ssd / caffe", "failed", sample.report(verdict="failed", bad=1)),
            ("net / brocolli / caffe", "error", None),
        ]
    )
    write_check(found, tmp_path / "out.html")
    page = Page((tmp_path / "out.html").read_text("utf-8"))
    assert "Failed: 2 of 4 checks" in page.text
    assert "why net / bvlc / caffe is skipped" in page.text
    rows = re.findall(r"net / \w+ / caffe (?:Failed|Error|Passed|Skipped)", page.text)
    assert [row.split()[-1] for row in rows[:4]] == ["Failed", "Error", "Passed", "Skipped"]
    articles = [attributes["data-place"] for tag, attributes in page.tags if tag == "article"]
    assert articles == ["0", "1"]
    assert [one["verdict"] for one in json.loads(page.packed("data"))] == ["failed", "passed"]


@pytest.mark.parametrize(
    "statuses, told",
    [
        (["passed"] * 3, "Passed: 3 checks"),
        (["passed", "skipped"], "Passed: 1 check, 1 skipped"),
        (["failed"], "Failed: 1 of 1 check"),
        (["passed", "error"], "Failed: 1 of 2 checks"),
    ],
)
def test_the_headline_of_a_check(statuses: list[str], told: str) -> None:
    assert wording.check_headline(sample.check([(str(i), status, None) for i, status in enumerate(statuses)])) == told


@pytest.mark.parametrize(
    "value, told",
    [(None, "–"), (0.0, "0"), (1.23e-6, "1.2e-6"), (0.0001, "0.0001"), (0.683, "0.68"), (3.0, "3"), (1.5e12, "1.5e12")],
)
def test_figures(value: float | None, told: str) -> None:
    assert wording.figure(value) == told
