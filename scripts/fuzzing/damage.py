"""Damage to bytes, whatever they mean: random numbers, the bytes and those of another input -> other bytes."""

from __future__ import annotations

import random


def changed(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Some bytes have other values."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32)) if found else 0):
        found[rng.randrange(len(found))] = rng.randrange(256)
    return bytes(found)


def cut(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The end is missing."""
    return data[: rng.randrange(len(data) + 1)]


def mixed(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """The beginning is of one input, the end of another."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + other[rng.randrange(len(other) + 1) :]


def left_out(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """Some bytes in the middle are missing."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.choice((1, 2, 8, 64)) :]


def repeated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """A piece stands there more than once."""
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at : at + rng.choice((1, 8, 64))] * rng.choice((2, 16)) + data[at:]


ALL = (changed, cut, mixed, left_out, repeated)
