"""What all tests share: an environment that is the same on every machine, and an account of what was skipped."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from fixtures import environment

environment.clear()  # before anything else is imported; xdist's workers inherit it
# The same examples in every run: a new find comes from a long run (HYPOTHESIS_PROFILE=search), not from luck in CI.
settings.register_profile("same", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=5000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


@pytest.fixture(scope="session", autouse=True)
def nothing_is_forked() -> Iterator[None]:
    """A second thread, beside which `converters.onnx_passes.apart` does not fork.

    Of a worker that holds a gigabyte, a fork costs more than the conversion that it is for. What forks is tested in
    processes of its own, by tests/converters/test_apart.py and every test that runs the command line as a program.
    """
    end = threading.Event()
    waiting = threading.Thread(target=end.wait, name="nothing is forked", daemon=True)
    waiting.start()
    yield
    end.set()
    waiting.join()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--every-row", action="store_true", help="run every row of tests/cases for every chip")
    parser.addoption(
        "--allowed-skips", type=Path, metavar="FILE", help="fail if a test is skipped that FILE does not name"
    )


def unexpected_skips(config: pytest.Config) -> list[str]:
    """The tests that were skipped though the file of --allowed-skips does not name them; none without that option."""
    path = config.getoption("allowed_skips")
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    if path is None or reporter is None:
        return []
    lines: Iterable[str] = path.read_text("utf-8").splitlines()
    allowed = {line.partition("#")[0].strip() for line in lines}
    return sorted({report.nodeid for report in reporter.stats.get("skipped", [])} - allowed)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and unexpected_skips(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if skipped := unexpected_skips(config):
        terminalreporter.section("skipped, but not allowed to be")
        for name in skipped:
            terminalreporter.line(name)
