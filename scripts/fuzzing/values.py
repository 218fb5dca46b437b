"""Extreme numbers, and tensors that hold them, or are cut, or say that they are what they are not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from onnx import TensorProto, numpy_helper

INTS = (0, -1, 1, 2, 3, 5, 7, -2, 64, 65536, 2**31 - 1, -(2**31), 2**32, 2**62, -(2**63), 2**63 - 1)
FLOATS = (0.0, -0.0, -1.0, 1.0, 0.5, 3.0, 1e-30, 1e30, 3.4e38, -1e20, float("nan"), float("inf"), float("-inf"))


def list_changed(rng: random.Random, values: list[Any], extreme: tuple[Any, ...]) -> None:
    kind = rng.randrange(5)
    if kind == 0 or not values:
        values.append(rng.choice(extreme))
    elif kind == 1:
        del values[rng.randrange(len(values)) :]
    elif kind == 2:
        rng.shuffle(values)
    else:
        values[rng.randrange(len(values))] = rng.choice((*extreme[:8], *extreme))


def tensor_changed(rng: random.Random, tensor: TensorProto) -> None:
    kind = rng.randrange(9)
    if kind == 0:
        tensor.raw_data = tensor.raw_data[: rng.randrange(len(tensor.raw_data) + 1)]
    elif kind == 1:
        tensor.raw_data += tensor.raw_data[: rng.choice((1, 4, 8))]
    elif kind == 2:
        dims = list(tensor.dims)
        list_changed(rng, dims, INTS)
        tensor.dims[:] = dims
    elif kind == 3:
        tensor.data_type = rng.choice((0, 1, 2, 3, 6, 7, 8, 9, 10, 11, 14, 16, 17, 99))
    elif kind == 4:
        tensor.float_data.extend([1.0] * rng.choice((1, 4)))
    elif kind == 5:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", rng.choice(("x.bin", "/dev/zero", "../x", "", "\0"))), ("offset", "-1")):
            tensor.external_data.add(key=key, value=value)
    else:
        _values(rng, tensor)


def _values(rng: random.Random, tensor: TensorProto) -> None:
    """Other numbers in a whole tensor, which keeps its shape, and at times gets another type with that."""
    try:
        array = np.array(numpy_helper.to_array(tensor))
        if not array.size or array.dtype.kind not in "fiu":
            return
        if array.dtype.kind == "f":
            place = slice(None) if rng.random() < 0.3 else rng.randrange(array.size)
            array.ravel()[place] = rng.choice(FLOATS)
            array = array.astype(rng.choice((np.float32, np.float32, np.float16, np.float64)))
        else:
            info = np.iinfo(array.dtype)
            array.ravel()[rng.randrange(array.size)] = min(max(rng.choice(INTS), info.min), info.max)
        with np.errstate(over="ignore"):
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    except (ValueError, TypeError, OverflowError, KeyError):
        tensor.raw_data = b""  # a mutation before this one has broken it: break it more
