"""Netron, which people look at networks with, opens every file that we write and shows every layer by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from converters.caffe import binary, text
from tests.report.conftest import PATIENCE

# Netron takes `eval` away from its page, and Playwright needs it to ask what is there.
KEEP_EVAL = "const keep = window.eval; Object.defineProperty(window, 'eval', {get: () => keep, set: () => {}})"


@pytest.fixture
def shown(browser: Any) -> Iterator[Any]:
    """Open a file in Netron -> the names of its nodes, and how often each word stands in the drawing."""
    netron = pytest.importorskip("netron", reason="no Netron: pip install netron")
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)

    def show(path: Path) -> tuple[set[str], Counter[str]]:
        address = netron.start(str(path), browse=False)
        url = f"http://{address[0]}:{address[1]}/"
        try:
            context.add_cookies([{"name": "consent", "value": "1", "url": url}])  # or it asks before it opens anything
            page = context.new_page()
            page.clock.set_fixed_time(_released(netron))  # half a year later it demands an update and opens nothing
            page.add_init_script(KEEP_EVAL)
            page.route(lambda target: not target.startswith(url), lambda route: route.abort())
            page.goto(url)
            page.wait_for_selector("body.default, body.alert")
            assert "alert" not in page.get_attribute("body", "class"), page.inner_text("body")
            page.wait_for_selector("[id^='node-name-']", state="attached")
            ids = [one.get_attribute("id") or "" for one in page.locator("[id^='node-name-']").all()]
            words = page.locator("svg text").all_text_contents()
            return {name.removeprefix("node-name-") for name in ids}, Counter(words)
        finally:
            netron.stop(address)

    yield show
    context.close()


def _released(netron: Any) -> str:
    """The day that Netron's page says it was made on."""
    page = Path(netron.__file__).with_name("index.html").read_text("utf-8")
    return page.partition('<meta name="date" content="')[2].partition('"')[0].replace(" ", "T")


def test_netron_opens_the_onnx_file(shown: Any, shufflenet: Path) -> None:
    import onnx

    nodes = onnx.load(str(shufflenet / "net.onnx")).graph.node
    names, words = shown(shufflenet / "net.onnx")
    # an activation is drawn into the node before it
    assert {node.name for node in nodes if node.op_type != "Relu"} <= names
    for kind, count in Counter(node.op_type for node in nodes).items():
        assert words[kind] == count, kind


@pytest.mark.parametrize("stem", ["net", "train"])
def test_netron_opens_the_prototxt(shown: Any, shufflenet: Path, stem: str) -> None:
    net = text.read(shufflenet / f"{stem}.prototxt")
    layers = [layer for layer in net.layers if layer.type != "Input"]
    names, words = shown(shufflenet / f"{stem}.prototxt")
    assert {
        layer.name for layer in layers if layer.bottoms != layer.tops
    } <= names  # in place: drawn into the one before
    for kind, count in Counter(layer.type for layer in layers).items():
        assert words[kind] == count, kind


@pytest.mark.parametrize("stem", ["net", "train"])
def test_netron_opens_the_caffemodel(shown: Any, shufflenet: Path, stem: str) -> None:
    path = shufflenet / f"{stem}.caffemodel"
    names, words = shown(path)
    weighted = {name: blobs for name, blobs in binary.read(path).items() if blobs}
    assert len(weighted) > 50
    assert set(weighted) <= names
    assert words["Convolution"] == 57
