"""HDF5 weights, as Caffe's snapshots in that format have them, -> weights by layer: /data/LAYER/INDEX is a blob.

The library that reads the format runs in a process of its own, since hostile files crash it; it tells where each blob
lies, and the numbers are viewed there.
"""

from __future__ import annotations

import importlib.util
import json
import mmap
import subprocess
import sys
from collections.abc import Mapping
from math import prod
from pathlib import Path

import numpy as np

from converters.caffe.net import Array
from converters.errors import InvalidInput, ToolkitError

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PROGRAM = Path(__file__).with_name("hdf5_index.py")
SECONDS = 60
Sparse = tuple[Array | None, ...]


def is_hdf5(path: Path) -> bool:
    """Whether a file begins as HDF5 files do."""
    with path.open("rb") as file:
        return file.read(len(SIGNATURE)) == SIGNATURE


def read(path: Path) -> dict[str, Sparse]:
    """Return the blobs of every layer by name, as views of the mapped file; None for one that another layer owns."""
    if importlib.util.find_spec("h5py") is None:
        raise ToolkitError(f"{path}: HDF5 weights need h5py", "pip install 'caffe-bridge-toolkit[hdf5]'")
    places = _index(path)
    with path.open("rb") as file:
        data = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    layers: dict[str, dict[int, Array]] = {}
    left = len(data)
    for layer, at, kind, shape, offset in places:
        dtype, size = np.dtype(kind), prod(shape)
        left -= size * dtype.itemsize
        if left < 0 or offset < 0 or offset + size * dtype.itemsize > len(data):
            raise InvalidInput(f"{path}: '/data/{layer}/{at}' has more numbers than the file")
        numbers = np.frombuffer(data, dtype, size, offset if size else 0)
        layers.setdefault(layer, {})[at] = numbers.astype(np.float32, copy=False).reshape(shape)
    return {layer: _in_order(path, layer, blobs) for layer, blobs in layers.items()}


def _index(path: Path) -> list[tuple[str, int, str, list[int], int]]:
    try:
        done = subprocess.run(
            [sys.executable, str(PROGRAM), str(path)], capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(f"{path}: HDF5 weights that take over {SECONDS} seconds to look through") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[-1] if done.returncode == 1 and said else f"the HDF5 library crashed on it ({done.returncode})"
        raise InvalidInput(f"{path}: not HDF5 weights of Caffe that can be read: {why}")
    found: list[tuple[str, int, str, list[int], int]] = json.loads(done.stdout)
    return found


def _in_order(path: Path, layer: str, blobs: Mapping[int, Array]) -> Sparse:
    """The blobs from 0 to the last. Caffe leaves out those that belong to a layer before this one."""
    if max(blobs) > 1000:
        raise InvalidInput(f"{path}: '/data/{layer}/{max(blobs)}': no layer has so many blobs")
    return tuple(blobs.get(at) for at in range(max(blobs) + 1))
