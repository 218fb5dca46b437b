"""What an input or a command may take of this machine: memory, checked before it is taken, and processors."""

from __future__ import annotations

import math
import os

from converters.errors import InvalidInput

MAX_BYTES = 2**30  # an array; 1 GiB is a batch of 1,700 images of 224x224


def check_size(shape: tuple[int, ...], itemsize: int, what: str) -> None:
    """Refuse an array that would take more than MAX_BYTES."""
    if min(shape, default=0) < 0:
        raise InvalidInput(f"{what}: {shape} is not a shape")
    check_bytes(math.prod(shape) * itemsize, MAX_BYTES, f"{what}: shape {shape}")


def check_bytes(size: int, most: int, what: str) -> None:
    """Refuse what would take more than `most` bytes."""
    if size > most:
        raise InvalidInput(f"{what} takes {size / 2**30:.1f} GiB; at most {most / 2**30:g} GiB is read")


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
