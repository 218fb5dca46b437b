"""The benchmark's page: who is fastest, bars as long as the numbers, readable anywhere, harmless whatever the names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import Open
from tests.report.test_browser import PHONE, colour, luminance
from tests.report.test_html import HOSTILE, Page
from toolkit.benchmark.page.html import write
from toolkit.benchmark.report import Report, Times

LAYERS = {f"Conv layer{place}": 0.001 / (place + 1) for place in range(20)}


def report(*milliseconds: float, label: str = "net.onnx") -> dict[str, Any]:
    """Targets that take so long, each with layers; the last one could not be run."""
    engines = ("onnxruntime", "opencv", "openvino", "caffe")
    found = [
        Times(
            label, engine, f"{engine} 1", rounds=((ms / 1000, ms / 900),) * 8, batch=1, warmup=10, memory=50_000_000,
            layers=LAYERS, profiled=sum(LAYERS.values()) + 0.0005,
        )
        for engine, ms in zip(engines, milliseconds, strict=False)
    ]  # fmt: skip
    return Report((*found, Times(label, "mnn", reason="MNN is not installed")), 1).to_json()


def written(tmp_path: Path, found: dict[str, Any]) -> Path:
    path = tmp_path / "speed page.html"
    write(found, path)
    return path


@pytest.mark.parametrize(
    "times, told",
    [
        ((5, 10, 4), "OpenVINO is the fastest: 0.80 of the time of onnxruntime"),
        ((5, 10), "onnxruntime is the fastest"),
        ((5, 10, 5), "None is faster than onnxruntime for certain"),
        ((5,), "onnxruntime takes 5.000 ms"),
        ((), "Nothing could be measured"),
    ],
)
def test_the_headline(tmp_path: Path, times: tuple[float, ...], told: str) -> None:
    page = Page(written(tmp_path, report(*times)).read_text("utf-8"))
    assert told in page.text
    assert "MNN, net.onnx: not run: MNN is not installed" in page.text
    assert ("Plotly" in page.packed("plotly")) if times else "plotly" not in [a.get("id") for _, a in page.tags]


def test_the_numbers_are_those_of_the_json(tmp_path: Path) -> None:
    found = report(5, 10)
    page = Page(written(tmp_path, found).read_text("utf-8"))
    assert json.loads(page.packed("data")) == found
    assert "5.000" in page.text
    assert "2.00 (2.00–2.00)" in page.text
    assert "5 more layers" in page.text
    assert "0.500 12.2 %" in page.text, "what the run took beside its layers"
    assert found["environment"]["processor"] in page.text
    assert "Command" in page.text


def test_bars_and_layers(tmp_path: Path, open_page: Open) -> None:
    path = written(tmp_path, report(5, 10, 4))
    tab = open_page(path)
    for name, bars in (("times", 3), ("ratios", 2)):
        plot = tab.page.locator(f"[data-plot={name}]")
        plot.scroll_into_view_if_needed()
        tab.page.locator(f"[data-plot={name}][data-drawn]").wait_for()
        assert plot.locator(".barlayer .point").count() == bars
        assert plot.locator(".errorbar").count() == bars
        assert "OpenVINO" in plot.text_content()
    widths = tab.page.evaluate("[...document.querySelectorAll('.bar')].map(e => e.getBoundingClientRect().width)")
    assert len(widths) == 3 * 15
    assert widths[1] == pytest.approx(widths[0] / 2, rel=0.02)
    assert tab.complaints == []
    assert tab.requests == [path.as_uri()]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [{}, PHONE], ids=["desktop", "phone"])
def test_it_fits_and_can_be_read(tmp_path: Path, open_page: Open, scheme: str, size: dict[str, int]) -> None:
    found = report(5, 10, 4, label="a/long/path/to/" + "x" * 120 + HOSTILE)
    tab = open_page(written(tmp_path, found), color_scheme=scheme, **size)
    page = tab.page
    for name in ("times", "ratios"):
        page.locator(f"[data-plot={name}]").scroll_into_view_if_needed()
        page.locator(f"[data-plot={name}][data-drawn]").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert (luminance(colour(page, "body", "backgroundColor")) < 0.05) == (scheme == "dark")
    for text, below in {".lead": ".verdict", ".shares code": ".shares .bar", ".pill": ".pill"}.items():
        light, dark = sorted(
            (luminance(colour(page, text, "color")), luminance(colour(page, below, "backgroundColor"))), reverse=True
        )
        assert (light + 0.05) / (dark + 0.05) >= 4.5, text
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("main img, main script").count() == 0
    assert tab.complaints == []
