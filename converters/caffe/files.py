"""A prototxt and its weights -> one Net with every layer's blobs, and back; a pair that was torn apart is noticed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from converters.caffe import binary, hdf5, structure, text
from converters.caffe.net import Array, Layer, Net, Weights
from converters.errors import InvalidInput

MARK = "caffemodel sha256"
_MARKED = re.compile(rb"# %s ([0-9a-f]{64})\s*" % MARK.encode())


def write(net: Net, prototxt: Path, caffemodel: Path, header: str = "") -> None:
    """Write both files of a net. A comment in the prototxt has the caffemodel's hash, so that `need_pair` knows it."""
    with caffemodel.open("wb") as file:
        sha256 = binary.write(net, file)
    prototxt.write_text(text.write(net, f"{header}\n{MARK} {sha256}".lstrip()), encoding="utf-8")


def need_pair(prototxt: Path, caffemodel: Path) -> None:
    """Raise InvalidInput where the prototxt names the hash of its caffemodel and the one of its name is another.

    Weights under another name were chosen on purpose: those of a fine-tuned network, say.
    """
    wanted = _marked(prototxt) if caffemodel.stem == prototxt.stem else None
    if wanted is None:
        return
    state = caffemodel.stat()
    found = _sha256(caffemodel, state.st_ino, state.st_size, state.st_mtime_ns)
    if found != wanted:
        raise InvalidInput(
            f"{prototxt} and {caffemodel} do not belong together: the prototxt was written with a caffemodel of sha256 "
            f"{wanted[:16]}, this one has {found[:16]}",
            f"convert again; where the weights were changed on purpose, delete the line '# {MARK} ...' in the prototxt",
        )


def _marked(prototxt: Path) -> str | None:
    """The hash that the comments at the top of a prototxt name."""
    with prototxt.open("rb") as file:
        while (line := file.readline(4096)).startswith(b"#"):
            if found := _MARKED.fullmatch(line):
                return found[1].decode()
    return None


@lru_cache(maxsize=64)
def _sha256(path: Path, inode: int, size: int, changed: int) -> str:
    """A file's hash, computed once for each state of the file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def read(prototxt: Path, caffemodel: Path | None = None) -> Net:
    """Read a prototxt of any version and the weights for it; without a caffemodel, those that stand in it inline.

    In the prototxt's place may stand a caffemodel: mostly it tells the structure as well.
    """
    if caffemodel is not None:
        need_pair(prototxt, caffemodel)
    if structure.is_binary(prototxt):
        return with_weights(structure.read(prototxt), read_weights(caffemodel or prototxt))
    if hdf5.is_hdf5(prototxt):
        raise InvalidInput(f"{prototxt}: HDF5 holds weights alone; the structure is in a prototxt, to be given as well")
    return with_weights(text.read(prototxt), read_weights(caffemodel) if caffemodel else {})


def read_weights(path: Path) -> Mapping[str, hdf5.Sparse]:
    """The blobs of every layer by name, from a caffemodel of any version or from HDF5: what the file is decides."""
    return hdf5.read(path) if hdf5.is_hdf5(path) else binary.read(path)


def with_weights(net: Net, weights: Mapping[str, Sequence[Array | None]]) -> Net:
    """The net with each layer's blobs, by name; a layer that `weights` lacks keeps its own.

    Layers whose `param` entries have the same name share that blob: the one that the file gives last. A blob that is
    None is one of those.
    """
    shared: dict[str, Weights] = {}
    places = {layer.name: _shared_names(layer.params.get("param", ())) for layer in net.layers}
    for name, blobs in weights.items():
        for at, key in places.get(name, {}).items():
            if at < len(blobs) and (blob := blobs[at]) is not None:
                shared[key] = blob
    return replace(net, layers=tuple(_filled(layer, weights, places[layer.name], shared) for layer in net.layers))


def _filled(
    layer: Layer,
    weights: Mapping[str, Sequence[Array | None]],
    places: Mapping[int, str],
    shared: Mapping[str, Weights],
) -> Layer:
    """The layer with its blobs, shared ones in their places."""
    found: list[Weights | None] = [*(weights.get(layer.name, ()) or layer.blobs)]
    for at, key in sorted(places.items()):
        if key in shared and at <= len(found):
            found[at : at + 1] = [shared[key]]
    blobs = tuple(blob for blob in found if blob is not None)
    if len(blobs) != len(found):
        at = found.index(None)
        raise InvalidInput(f"the file of weights lacks blob {at} of layer '{layer.name}', and no other layer shares it")
    return replace(layer, blobs=blobs)


def _shared_names(params: Sequence[Mapping[str, str]]) -> dict[int, str]:
    return {at: param["name"] for at, param in enumerate(params) if param.get("name")}
