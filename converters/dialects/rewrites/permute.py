"""Permute for engines that have none: one-hot convolutions, or slices laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from converters.caffe import layers
from converters.caffe.graph import Blob, Node
from converters.caffe.net import Lazy
from converters.caffe.permutation import Move, grouped, plan
from converters.errors import require

FEW = 8  # slices
LONG = 32  # numbers that lie together and stay together


def permute_by_slices(node: Node) -> Blob:
    """Cut the block that moves into slices of one and lay them side by side at its new place: exact for any numbers.

    Measured: a few slices of long runs are as fast as a convolution in BVLC, and 2 to 4 times faster in OpenCV.
    """
    moves = _moves(node, cells=True)
    few = all(move.cell_w == 1 and move.cell_h <= FEW and move.columns >= LONG for move in moves)
    require(few, "many slices, or of short runs")
    return _made(node, moves, _by_slices)


def permute_by_convolution(node: Node) -> Blob:
    """One Convolution or Deconvolution a move, its stride its kernel: each output is one input times 1, plus zeros.

    Exact for finite numbers (an infinity times the zeros beside it is not a number). Measured against many slices, or
    slices of short runs: 2 to 15 times faster in BVLC, alike in OpenCV, and one layer in place of two a slice.
    """
    return _made(node, _moves(node, cells=True), _by_convolution)


def permute_by_many_slices(node: Node) -> Blob:
    """As many slices as it takes, where there is no convolution for it."""
    return _made(node, _moves(node, cells=False), _by_slices)


def _moves(node: Node, cells: bool) -> Sequence[Move]:
    return plan(*grouped(node.bottoms[0].shape, node.values["order"]), cells)


def _made(node: Node, moves: Sequence[Move], make: Callable[[Blob, Move], Blob]) -> Blob:
    y = node.bottoms[0]
    for move in moves:
        y = make(y, move)
    return layers.reshape(y, node.shapes[0])


def _by_convolution(x: Blob, move: Move) -> Blob:
    channels, cell = move.channels, (move.cell_h, move.cell_w)

    def one_hot() -> npt.NDArray[np.float32]:
        return np.eye(channels, dtype=np.float32)[move.permutation()].reshape(channels, 1, *cell)

    weight = Lazy((channels, 1, *cell), one_hot)
    if move.gather:
        view = layers.reshape(x, (move.outer, 1, move.rows * move.cell_h, move.columns * move.cell_w))
        return layers.convolution(view, weight, stride=cell)
    view = layers.reshape(x, (move.outer, channels, move.rows, move.columns))
    return layers.convolution(view, weight, stride=cell, transposed=True)


def _by_slices(x: Blob, move: Move) -> Blob:
    outer, rows, parts, inner = move.outer, move.rows, move.cell_h, move.columns
    if move.gather:
        view = layers.reshape(x, (outer, rows, parts, inner))
        pieces = layers.slices(view, 2, range(1, parts))
        return layers.concat(1, *(layers.reshape(piece, (outer, 1, rows, inner)) for piece in pieces))
    view = layers.reshape(x, (outer, parts, rows, inner))
    pieces = layers.slices(view, 1, range(1, parts))
    return layers.concat(2, *(layers.reshape(piece, (outer, rows, 1, inner)) for piece in pieces))
