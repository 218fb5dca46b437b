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
from toolkit.runners.environment import ENVIRONMENTS

CAFFE = "more than half of all tests, which run files in real Caffe"
OTHERS = "the tests that run files in {}"
CHROMIUM = "the tests that open the report in a browser"


def say(text: str) -> None:
    print(text, flush=True)


def caffe() -> str:
    """Why there is no real Caffe, or ''. One that the user names is used as it is; a changed recipe is built anew."""
    reason = ""
    if not (os.environ.get("CAFFE_BRIDGE_CAFFE") or os.environ.get("CAFFE_BRIDGE_PYTHON")):
        try:
            engines.build("caffe", say)
        except BuildError as error:
            reason = str(error)
    return runners.available()["caffe"] and (reason or runners.available()["caffe"])


def importer(name: str) -> str:
    """Why one of the importers of Caffe files is not here, or ''."""
    try:
        engines.build(name, say)
    except BuildError as error:
        return runners.available()[name] and str(error)
    return runners.available()[name]


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
    found = [(CAFFE, caffe()), (CHROMIUM, browser())]
    found += [(OTHERS.format(name), importer(name)) for name in ENVIRONMENTS]
    rest = {name: reason for name, reason in runners.available().items() if name not in ("caffe", *ENVIRONMENTS)}
    found += [(OTHERS.format(name), reason) for name, reason in rest.items()]
    return [(what, reason) for what, reason in found if reason]


if __name__ == "__main__":
    for what, reason in left_out():
        say(f"Left out: {what}. {reason[0].upper()}{reason[1:]}")
