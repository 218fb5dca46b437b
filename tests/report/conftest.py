"""A headless Chromium, driven by Playwright; where either is missing the tests are skipped, with the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.report import chromium

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE = 30_000  # milliseconds; the machine may be busy with other tests


@dataclass
class Tab:
    """An open page, with everything that it complained of and asked the network for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


Open = Callable[..., Tab]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        pytest.skip("no Playwright: pip install playwright")
    path = chromium.find()
    if path is None:
        pytest.skip(f"no Chromium: {chromium.GET}")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Open]:
    """Open a file and wait until its scripts have run. Every request but for the file itself is refused."""
    contexts = []

    def start(path: Path, width: int = 1280, height: int = 900, ready: bool = True, **options: Any) -> Tab:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE)
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: tab.complaints.append(message.text) if message.type != "log" else None)
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.route(lambda url: url != path.as_uri(), lambda route: route.abort())
        tab.page.goto(path.as_uri())
        if ready:
            tab.page.wait_for_selector("html[data-ready]")
        return tab

    yield start
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shufflenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small ShuffleNet V2 as the command line writes it: net.onnx, net.*, train.* and out.html."""
    from click.testing import CliRunner

    from toolkit.cli import main

    folder = tmp_path_factory.mktemp("shufflenet")
    onnx, net, train = (str(folder / name) for name in ("net.onnx", "net", "train"))
    for words in (
        ["export-onnx", "shufflenet_v2_x0.25", "--image-size", "64", "--num-classes", "10", "--keep-bn", "-o", onnx],
        ["onnx-to-caffe", onnx, "-o", net, "--no-verify"],
        ["onnx-to-caffe", onnx, "-o", train, "--style", "train", "--dialect", "shufflenet", "--no-verify"],
        ["parity", onnx, f"opencv:{net}.prototxt", "--layers", "--report", str(folder / "out.html")],
    ):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
    return folder
