"""PyPI's sdist of brocolli-caffe -> a folder of Caffe's sources with our edits and layers in them."""

from __future__ import annotations

import hashlib
import shutil
import sys
import tarfile
from pathlib import Path

from toolkit.engines.caffe.patches.edits import EDITS, LEFT_OUT
from toolkit.engines.caffe.recipe import LAYERS, SDIST, SHA256, VERSION
from toolkit.engines.commands import BuildError, Say, run

FETCH = Path(__file__).with_name("fetch_sdist.py")


def fetch(sdist: Path | None, work: Path, say: Say) -> Path:
    """The sdist at hand, or fetched into `work`; BuildError where it is not the one that was pinned."""
    if sdist is None:
        say(f"fetching {SDIST} {VERSION}")
        sdist = work / "sdist.tar.gz"
        run([sys.executable, FETCH, SDIST, VERSION, SHA256, sdist], f"fetching {SDIST} {VERSION}")
    if (got := hashlib.sha256(sdist.read_bytes()).hexdigest()) != SHA256:
        raise BuildError(f"{sdist} has sha256 {got}, expected {SHA256} ({SDIST} {VERSION}).")
    return sdist


def unpack(sdist: Path, work: Path) -> Path:
    """Take Caffe's own C++ out of the sdist; its generated protobuf files are stale and stay out."""
    wanted = ("/src/caffe/", "/include/caffe/", "/python/caffe/_caffe.cpp")
    with tarfile.open(sdist) as archive:
        if hasattr(tarfile, "data_filter"):  # Python 3.11.2, which is Debian 12's, is too old for it
            archive.extraction_filter = tarfile.data_filter
        for member in archive.getmembers():
            stale = member.name.endswith((".pb.h", ".pb.cc")) or "/test/" in member.name
            if member.isfile() and any(part in member.name for part in wanted) and not stale:
                archive.extract(member, work)
    return work / f"{SDIST}-{VERSION}"


def patch(source: Path) -> None:
    """Apply the edits and put the new layers beside the old ones."""
    for edit in EDITS:
        path = source / edit.path
        text = path.read_text()
        if text.count(edit.find) != 1:
            raise BuildError(f"{edit.path} has {text.count(edit.find)} places for an edit that needs one:\n{edit.find}")
        path.write_text(text.replace(edit.find, edit.put))
    for name in LEFT_OUT:
        (source / name).unlink()
    for layer in LAYERS.glob("*.cpp"):
        shutil.copy(layer, source / "src/caffe/layers")
