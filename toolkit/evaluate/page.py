"""An evaluation -> one HTML file with the images on which the networks differ. It needs no network and runs no script.

Names of classes and files come from the data set, so they are hostile: Jinja escapes them, and the page's own policy
allows no script and no request.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from converters.errors import ToolkitError
from toolkit.evaluate.evaluate import Evaluation
from toolkit.parity.page import html

TEMPLATES = Path(__file__).parent / "templates"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"
MOST_SHOWN = 60
SIDE = 160  # pixels of a thumbnail, at most


def write(found: Evaluation, path: Path) -> None:
    """The tables, and the first images that not all put into the same class."""
    try:
        import jinja2
    except ImportError as error:
        raise ToolkitError(f"an HTML page needs {error.name}: {html.HOW_TO_GET}") from error
    loader = jinja2.FileSystemLoader([TEMPLATES, html.TEMPLATES])
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style = environment.filters["safe"]((html.TEMPLATES / "report.css").read_text("utf-8"))  # our own file
    shown = [_difference(found, index) for index in found.differing()[:MOST_SHOWN]]
    page = environment.get_template("evaluation.html.j2")
    html.save(page.render(policy=POLICY, style=style, found=found.to_json(), shown=shown), path)


def _difference(found: Evaluation, index: int) -> dict[str, Any]:
    """One image, its class and what each network takes it for."""
    classes, one = found.images.classes, found.images.read(index)
    small = one.image.copy()
    small.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    small.save(stream, "PNG")
    return {
        "name": one.name,
        "label": classes[one.label],
        "picture": base64.b64encode(stream.getvalue()).decode("ascii"),
        "answers": [classes[entry.answers.first[index]] for entry in found.entries],
    }
