"""Files -> arrays, without trusting the file: no pickle, and the header's size is checked before memory is taken."""

from __future__ import annotations

import lzma
import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from converters.errors import InvalidInput
from toolkit.limits import MAX_BYTES, check_bytes, check_size

# The last two: a compression that zipfile does not know, and an encrypted file.
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError)
# numpy reads the header as a Python literal, and where that fails once more token by token.
BROKEN_HEADER = (ValueError, EOFError, SyntaxError, TypeError, RecursionError, tokenize.TokenError)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """An .npz file -> its arrays by name; an .npy file -> its one array, named ""."""
    try:
        if path.suffix.lower() == ".npz":
            return _read_npz(path)
        if path.suffix.lower() == ".npy":
            with path.open("rb") as file:
                return {"": _read_npy(file, str(path))}
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror or error}") from error
    raise InvalidInput(f"{path} is neither .npy nor .npz")


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            check_bytes(sum(archive.getinfo(name).file_size for name in members), 2 * MAX_BYTES, str(path))
            arrays = {}
            for name in members:
                with archive.open(name) as file:
                    arrays[name.removesuffix(".npy")] = _read_npy(file, f"{path}: {name}")
            return arrays
    except BROKEN_ZIP as error:
        raise InvalidInput(f"{path} is not a sound .npz file: {error}") from error


def _read_npy(file: IO[bytes], what: str) -> np.ndarray:
    """One array. Only plain numbers: numpy's object arrays are pickles, and a pickle from a stranger runs code."""
    try:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise ValueError(f"version {version} of the format holds no plain numbers")
        shape, fortran, dtype = read_header[version](file)
    except BROKEN_HEADER as error:
        raise InvalidInput(f"{what} is not a sound .npy file: {error}") from error
    if dtype.kind not in "fiub":
        raise InvalidInput(f"{what} holds {dtype}, not real numbers")
    check_size(shape, dtype.itemsize, what)
    need = math.prod(shape) * dtype.itemsize
    data = file.read(need)
    if len(data) != need:
        raise InvalidInput(f"{what} is cut short: shape {shape} needs {need} bytes, {len(data)} are there")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C")
