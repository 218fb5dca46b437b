"""The pages of docs/: every link leads somewhere, the reference is what the code says, quoted code is in the code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import converters.dialects as dialects
from tests.docs.blocks import blocks

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
CHIPS = sorted((ROOT / "docs" / "chips").glob("*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(page: Path) -> set[str]:
    """The anchors that the headings of a page get."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*PAGES, *CHIPS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


def test_the_readme_lists_every_page() -> None:
    listed = set(LINK.findall((ROOT / "README.md").read_text("utf-8")))
    assert {str(page.relative_to(ROOT)) for page in PAGES[1:]} <= listed


def test_the_page_of_chips_lists_every_family_and_every_chip() -> None:
    page = (ROOT / "docs" / "chips" / "README.md").read_text("utf-8")
    assert {path.name for path in CHIPS} - {"README.md"} <= set(LINK.findall(page))
    assert set(dialects.CHIPS) <= set(re.findall(r"`([^`]+)`", page))
    assert str(CHIPS[0].parent.relative_to(ROOT) / "README.md") in LINK.findall((ROOT / "README.md").read_text("utf-8"))


def test_contributing_names_what_is_there() -> None:
    """Its map is read by those who don't know the code: a folder that has moved would lead them astray."""
    words = re.findall(r"`([\w./]+/[\w./-]*)`", (ROOT / "CONTRIBUTING.md").read_text("utf-8"))
    within = (
        "converters/caffe",
        "converters/dialects",
        "converters/onnx_to_caffe",
        "toolkit/parity",
        "toolkit/runners",
    )
    rooms = [ROOT, *(ROOT / name for name in within)]
    assert len(words) > 20
    for word in words:
        assert any((room / word).exists() for room in rooms), word


def test_the_reference_is_what_the_docstrings_say() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/api_docs.py", "--check"], cwd=ROOT, text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_quoted_code_is_in_the_code() -> None:
    quoted = [block for block in blocks(ROOT / "docs" / "adding-an-op.md") if block.language == "python"]
    assert len(quoted) >= 3
    for block in quoted:
        first, _, rest = block.text.partition("\n")
        path = ROOT / first.removeprefix("# ")
        assert rest.strip("\n") in path.read_text("utf-8"), f"docs/adding-an-op.md:{block.line} is not in {path}"


def test_images_are_small() -> None:
    images = list((ROOT / "docs" / "images").iterdir())
    assert images
    assert all(image.stat().st_size < 300_000 for image in images)


def test_the_file_that_the_page_on_ci_shows_can_be_read(tmp_path: Path) -> None:
    from toolkit.check import config

    page = ROOT / "docs" / "ci.md"
    assert config.READERS.keys() <= set(re.findall(r"`(\w+)`", page.read_text("utf-8")))
    shown = [block.text for block in blocks(page) if block.language == "toml"]
    assert len(shown) == 1
    for name in ("net.pth", "detector.onnx", "photos"):
        (tmp_path / name).touch()
    shutil.copy(ROOT / "docs" / "example-npu.toml", tmp_path / "my-npu.toml")
    (tmp_path / "parity.toml").write_text(shown[0])
    models = config.load(tmp_path / "parity.toml")
    assert [model.name for model in models] == ["shufflenet_v2_x0.5", "detector.onnx"]
    assert models[0].dialects == ("portable", "bvlc")
    assert [Path(dialect).name for dialect in models[1].dialects] == ["my-npu.toml"]
