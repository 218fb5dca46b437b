"""How to transpose without a transpose: a permutation of axes as a sequence of moves that one 4-D layer can make.

A gather reads (O, A, B, W, S) as images of A*B rows and W*S columns, and collects each pixel of their B x S cells as a
channel: (O, B*S, A, W). A scatter is its inverse. A swap of two neighbouring blocks is either, with S = 1. Cost is
counted in products a number: B*S for B*S channels (a one-hot matrix), plus a constant for reading and writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import count
from math import prod

from converters.errors import require

Order = tuple[int, ...]
OVERHEAD = 36  # measured in BVLC and OpenCV: a pass that computes nothing costs as much as so many products a number
MOST_AXES = 7  # the search is over all orders of the axes, and over cells only where they are few
CELL_AXES = 6


@dataclass(frozen=True)
class Move:
    """One layer's work on (outer, rows, cell_h, columns, cell_w); `transposed` numbers the cells column by column."""

    gather: bool
    outer: int
    rows: int
    cell_h: int
    columns: int
    cell_w: int = 1
    transposed: bool = False

    @property
    def channels(self) -> int:
        """How many cells there are: the channels of the convolution that moves them."""
        return self.cell_h * self.cell_w

    def permutation(self) -> list[int]:
        """Which cell each channel holds."""
        cells = range(self.channels)
        return [c % self.cell_h * self.cell_w + c // self.cell_h for c in cells] if self.transposed else list(cells)


def grouped(shape: Sequence[int], order: Sequence[int]) -> tuple[tuple[int, ...], Order]:
    """Drop axes of size 1 and merge axes that stay neighbours: the smallest permutation that moves numbers alike."""
    kept = [axis for axis in order if shape[axis] != 1]
    runs: list[list[int]] = []
    for axis in kept:
        between = range(runs[-1][-1] + 1, axis) if runs else ()
        if runs and axis > runs[-1][-1] and all(shape[skipped] == 1 for skipped in between):
            runs[-1].append(axis)
        else:
            runs.append([axis])
    by_place = sorted(runs)
    return tuple(prod(shape[axis] for axis in run) for run in by_place), tuple(by_place.index(run) for run in runs)


@lru_cache(maxsize=1024)
def factors(size: int) -> tuple[int, ...]:
    """Split a block that has to pass another into parts that pass one after the other, where that is cheaper."""
    best: tuple[int, ...] = (size,)
    cost = size + OVERHEAD
    for first in range(2, int(size**0.5) + 1):
        if size % first == 0:
            rest = factors(size // first)
            if (total := first + OVERHEAD + sum(rest) + OVERHEAD * len(rest)) < cost:
                best, cost = (first, *rest), total
    return best


def swap(outer: int, first: int, second: int, inner: int) -> list[Move]:
    """(outer, first, second, inner) -> (outer, second, first, inner): the smaller block passes, part by part."""
    moves = []
    if second <= first:
        parts = list(factors(second))
        while parts:
            part = parts.pop(0)
            moves.append(Move(True, outer, first, part, prod(parts) * inner))
            outer *= part
        return moves
    parts = list(factors(first))
    while parts:
        part = parts.pop()
        moves.append(Move(False, outer * prod(parts), second, part, inner))
        inner *= part
    return moves


def cost(moves: Sequence[Move]) -> int:
    """Passes over the numbers."""
    return sum(move.channels + OVERHEAD for move in moves)


@lru_cache(maxsize=256)
def plan(dims: tuple[int, ...], order: Order, cells: bool = True) -> tuple[Move, ...]:
    """The cheapest sequence of moves that permutes `dims` into `order`; without `cells`, of swaps alone."""
    require(len(dims) <= MOST_AXES, f"a permutation of {len(dims)} separate axes")
    start = tuple(range(len(dims)))
    serial = count()
    queue: list[tuple[int, int, Order, tuple[Move, ...]]] = [(0, next(serial), start, ())]
    done: set[Order] = set()
    while queue:
        spent, _, state, moves = heappop(queue)
        if state == order:
            return moves
        if state in done:
            continue
        done.add(state)
        for reached, step in _steps(dims, state, cells):
            if reached not in done:
                heappush(queue, (spent + cost(step), next(serial), reached, (*moves, *step)))
    raise ValueError(f"{order} is not a permutation of {len(dims)} axes")


def _steps(dims: tuple[int, ...], state: Order, cells: bool) -> Iterator[tuple[Order, list[Move]]]:
    """What one move can reach: all ways to cut the axes into the five blocks of a gather or of a scatter."""
    k = len(state)

    def size(block: Order) -> int:
        return prod(dims[axis] for axis in block)

    for i in range(k):
        for j in range(i + 1, k):
            for m in range(j + 1, k + 1):
                outer, first, second, rest = state[:i], state[i:j], state[j:m], state[m:]
                sizes = size(outer), size(first), size(second), size(rest)
                yield (*outer, *second, *first, *rest), swap(*sizes)
                for n in range(m + 1, k) if cells and k <= CELL_AXES else ():
                    third, last = state[m:n], state[n:]
                    yield from _cell_steps(outer, first, second, third, last, size)


def _cell_steps(
    o: Order, p: Order, q: Order, r: Order, s: Order, size: Callable[[Order], int]
) -> Iterator[tuple[Order, list[Move]]]:
    """Gather (o, p, q, r, s) to (o, q, s, p, r), scatter it to (o, r, p, s, q), and both with the cells transposed."""
    a, b, c, d, e = (size(block) for block in (o, p, q, r, s))
    yield (*o, *q, *s, *p, *r), [Move(True, a, b, c, d, e)]
    yield (*o, *s, *q, *p, *r), [Move(True, a, b, c, d, e, transposed=True)]
    yield (*o, *r, *p, *s, *q), [Move(False, a, d, b, e, c)]
    yield (*o, *r, *q, *s, *p), [Move(False, a, d, c, e, b, transposed=True)]
