"""A parity report as plain data -> one HTML file that needs nothing else: no network, no server.

The numbers and plotly.js travel gzipped inside the file and are unpacked by the browser when they are needed: 2 MB
instead of 6, and the page stands before the plots are drawn. Names come from model files, so they are hostile: Jinja
escapes them, the scripts write text and never markup, and the page's own policy allows no other script and no request.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from converters.errors import ToolkitError
from toolkit.parity.page import wording

TEMPLATES = Path(__file__).parent / "templates"
SHARED = ("page.js", "frame.js", "plot.js")
SCRIPTS = ("model.js", "details.js", "table.js", "plots.js", "graph.js", "main.js")
HOW_TO_GET = "pip install 'caffe-bridge-toolkit[report]' (or: pip install 'jinja2>=3.1' 'plotly>=5.20')"
RULES = "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
Json = Mapping[str, Any]


def write(report: Json, path: Path) -> None:
    """Write one parity report as a page.

    Args:
        report: what `Report.to_json()` gives.
        path: of the .html file; folders that are missing are made.

    Raises:
        ToolkitError: Jinja2 or Plotly is not installed, or the file can't be written.
    """
    title = f"{wording.WORDS[report['verdict']]}: {wording.base(report['reference']['model'])}"
    save(_page("report.html.j2", title, [report], report=report), path)


def write_check(check: Json, path: Path) -> None:
    """Write a run of many checks as a page: the table of all, and behind each row its own report.

    Args:
        check: what `toolkit.check.run.Checked.to_json()` gives.
        path: of the .html file; folders that are missing are made.

    Raises:
        ToolkitError: Jinja2 or Plotly is not installed, or the file can't be written.
    """
    checks = wording.worst_first(check["checks"])
    shown = [one["report"] for one in checks if one["report"]]
    places = iter(range(len(shown)))
    numbered = [{**one, "place": next(places) if one["report"] else None} for one in checks]
    title = wording.check_headline(check)
    save(_page("check.html.j2", title, shown, check={**check, "checks": numbered}), path)


def _page(template: str, title: str, reports: Sequence[Json], **found: Any) -> str:
    drawn = any(row["layers"] for report in reports for row in report["rows"])
    return render(TEMPLATES, template, SCRIPTS, title, list(reports), drawn, **found)


def render(
    folder: Path, template: str, scripts: Sequence[str], title: str, data: Any, drawn: bool, **found: Any
) -> str:
    """Fill in a template that extends `base.html.j2`.

    Args:
        folder: where the template and its scripts are; what they share with all pages is looked for here.
        template: its file name.
        scripts: file names of its own scripts, in their order.
        title: of the page.
        data: what the scripts read, and what the button saves; plain data.
        drawn: whether there are plots.
        found: what the template reads, beside `words`.
    """
    jinja2, plotly = _engines()
    library = plotly if drawn else ""
    sources = [*(_read(TEMPLATES, name) for name in SHARED), *(_read(folder, name) for name in scripts)]
    script = "(() => {\n'use strict';\n" + "\n".join(sources) + "\n})();\n"
    early = _read(TEMPLATES, "early.js")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, TEMPLATES]), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(wording.FILTERS)
    markup = environment.filters["safe"]  # for our own files alone
    text: str = environment.get_template(template).render(
        title=title,
        style=markup(_read(TEMPLATES, "report.css")),
        early=markup(early),
        script=markup(script),
        policy=_policy([early, script, *([library] if library else [])]),
        data=_packed(json.dumps(data, separators=(",", ":"), allow_nan=False)),
        plotly=_packed(library) if library else "",
        words=wording,
        **found,
    )
    return text


def need() -> None:
    """Refuse where what makes pages is not installed: at once, not when hours of work are to be shown."""
    _engines()


def _engines() -> tuple[Any, str]:
    """Jinja and the source of plotly.js, both optional to install."""
    try:
        import jinja2
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ToolkitError(f"an HTML report needs {error.name}: {HOW_TO_GET}") from error
    return jinja2, get_plotlyjs()


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text("utf-8")


def _packed(text: str) -> str:
    """gzip in base64: no character of it can end a script element."""
    return base64.b64encode(gzip.compress(text.encode("utf-8", "backslashreplace"), 6, mtime=0)).decode("ascii")


def _policy(scripts: Sequence[str]) -> str:
    """Content-Security-Policy: these scripts, by their hashes, and nothing from anywhere."""
    hashes = " ".join(
        f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" for text in scripts
    )
    return f"default-src 'none'; script-src {hashes}; {RULES}"


def save(text: str, path: Path) -> None:
    """Whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".report-") as folder:
            whole = Path(folder, path.name)
            whole.write_bytes(text.encode("utf-8", "backslashreplace"))
            os.replace(whole, path)
    except OSError as error:
        raise ToolkitError(f"can't write {path}: {error.strerror or error}") from error
