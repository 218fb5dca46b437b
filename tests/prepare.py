"""Before the tests: get the engines and the browser that they use, and say what will be left out.

As root on Debian or Ubuntu, real Caffe is built and Chromium installed, once a machine; OpenVINO and MNN are fetched
from PyPI into environments of their own. Where that can't be done the tests that need them are skipped; here it is said
first, with the remedy. Exits 0 in any case.
"""

from __future__ import annotations

import os

from tests.report import chromium
from toolkit import engines, runners
from toolkit.engines.commands import BuildError

CAFFE = "more than half of all tests, which run files in real Caffe"
OTHERS = "the tests that run files in {}"
CHROMIUM = "the tests that open the report in a browser"


def say(text: str) -> None:
    print(text, flush=True)


def engine(name: str) -> str:
    """Why an engine is not here, or ''. One that the user names is used as it is; one that has changed is got anew."""
    reason = ""
    named = {f"CAFFE_BRIDGE_{name.upper()}", "CAFFE_BRIDGE_PYTHON"} & os.environ.keys()
    if name in engines.BUILDS and not named:
        try:
            engines.build(name, say)
        except BuildError as error:
            reason = str(error)
    missing = runners.available()[name]
    return missing and (reason or missing)


def browser() -> str:
    """Why there is no browser, or ''."""
    try:
        if chromium.find() is None:
            chromium.get(say)
    except BuildError as error:
        return str(error)
    return "" if chromium.find() else f"the one that was installed does not start; get another: {chromium.GET}"


def left_out() -> list[tuple[str, str]]:
    """What will be left out, each with the reason."""
    found = [(CAFFE if name == "caffe" else OTHERS.format(name), engine(name)) for name in runners.RUNTIMES]
    return [(what, reason) for what, reason in [*found, (CHROMIUM, browser())] if reason]


if __name__ == "__main__":
    for what, reason in left_out():
        say(f"Left out: {what}. {reason[0].upper()}{reason[1:]}")
