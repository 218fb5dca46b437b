"""LSTM, GRU and RNN -> a Recurrence for each direction; dialects make of it Caffe's LSTM layer or single steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from converters.caffe import layers, moves
from converters.caffe.composite.layers import recurrence
from converters.caffe.graph import Blob
from converters.caffe.net import Lazy, Shape, Weights
from converters.errors import require
from converters.onnx_to_caffe.registry import Const, Value, lowers

Array = npt.NDArray[Any]
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
USUAL = {"LSTM": ("Sigmoid", "Tanh", "Tanh"), "GRU": ("Sigmoid", "Tanh"), "RNN": ("Tanh",)}
STATES = {"LSTM": 2, "GRU": 1, "RNN": 1}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}


def caffe_gates(kind: str, array: Array) -> Array:
    """ONNX orders an LSTM's gates i, o, f, c; Caffe i, f, o, c."""
    if kind != "LSTM":
        return array
    i, o, f, c = np.split(array, 4)
    return np.concatenate([i, f, o, c])


def direction_weights(
    kind: str, d: int, hidden: int, w: Const, r: Const, b: Const | None, p: Const | None, linear_before_reset: bool
) -> list[Weights]:
    """One direction's W, bias and R; then an LSTM's peepholes, or the bias of R in the third gate of such a GRU.

    The biases of W and R are added up, which all gates but that one allow.
    """
    rows = GATES[kind] * hidden

    def lazy(const: Const, shape: Shape, change: Callable[[Array], Array]) -> Lazy:
        return Lazy(shape, lambda: change(np.asarray(const, np.float32)[d]))

    def bias() -> Array:
        if b is None:
            return np.zeros(rows, np.float32)
        own, recurrent = np.split(np.asarray(b, np.float32)[d], 2)
        if linear_before_reset:
            recurrent = np.concatenate([recurrent[: 2 * hidden], np.zeros(hidden, np.float32)])
        return caffe_gates(kind, own + recurrent)

    blobs: list[Weights] = [
        lazy(w, (rows, w.shape[2]), lambda a: caffe_gates(kind, a)),
        Lazy((rows,), bias),
        lazy(r, (rows, hidden), lambda a: caffe_gates(kind, a)),
    ]
    if linear_before_reset:
        blobs.append(np.zeros(hidden, np.float32) if b is None else np.asarray(b, np.float32)[d, -hidden:])
    if p is not None:
        blobs.append(lazy(p, (3 * hidden,), lambda a: a))
    return blobs


def initial(like: Blob, state: Value | None, directions: int) -> list[Blob] | None:
    """The initial state (1, N, H) of each direction, or None where it is zero."""
    if state is None or (isinstance(state, Const) and not np.any(state.array)):
        return None
    blob = moves.constant(like, state) if isinstance(state, Const) else state
    return list(layers.slices(blob, 0, range(1, directions)))


def recurrent(
    kind: str,
    x: Blob,
    weights: tuple[Const, Const, Const | None, Const | None],
    lengths: Const | None,
    states: Sequence[Value | None],
    *,
    activations: Sequence[str],
    alphas: Sequence[float],
    clip: float | None,
    direction: str,
    hidden: int,
    layout: int,
    linear_before_reset: bool = False,
) -> tuple[Blob, ...]:
    """All hidden states (T, D, N, H) and the last states (D, N, H) of every direction."""
    w, r, b, p = weights
    require(layout == 0, f"layout={layout}")  # canonical models have the batch second
    require(clip is None, "a clip of what enters the activations")
    require(direction in DIRECTIONS, f"direction={direction}")
    require(hidden in (0, r.shape[2]), f"hidden_size={hidden} of weights of {r.shape[2]}")
    turned = DIRECTIONS[direction]
    rows = GATES[kind] * r.shape[-1]
    fits = r.rank == w.rank == 3 and w.shape[:2] == r.shape[:2] == (len(turned), rows)
    fits &= b is None or b.shape == (len(turned), 2 * rows)
    require(fits, f"weights of {w.shape}, {r.shape}" + (f" and {b.shape}" if b is not None else ""))
    hidden = r.shape[2]
    require(p is None or p.shape == (len(turned), 3 * hidden), f"peepholes of {p.shape}" if p is not None else "")
    for shape in (state.shape for state in states if state is not None):
        require(shape == (len(turned), x.shape[1], hidden), f"an initial state of {shape}")
    functions = list(activations) or list(USUAL[kind]) * len(turned)
    require(not alphas, "activations with parameters")
    each = len(functions) // len(turned)
    if lengths is not None:
        whole = set(lengths.ints()) == {x.shape[0]}
        require(whole, f"sequences shorter than {x.shape[0]} steps", "pad them outside the network")
    starts = [initial(x, state, len(turned)) for state in states]
    given = any(start is not None for start in starts)
    made = []
    for d, reverse in enumerate(turned):
        first = [start[d] if start else _zeros(x, hidden) for start in starts] if given else []
        options = {"hidden": hidden, "reverse": reverse, "activations": tuple(functions[d * each : (d + 1) * each])}
        if linear_before_reset:
            options["linear_before_reset"] = True
        blobs = direction_weights(kind, d, hidden, w, r, b, p, linear_before_reset)
        made.append(recurrence(kind, x, blobs, states=first, **options))
    steps, batch, _ = made[0][0].shape
    every = layers.concat(1, *(layers.reshape(tops[0], (steps, 1, batch, hidden)) for tops in made))
    last = [layers.concat(0, *(tops[1 + i] for tops in made)) for i in range(STATES[kind])]
    return (every, *last)


def _zeros(x: Blob, hidden: int) -> Blob:
    return moves.constant(x, np.zeros((1, x.shape[1], hidden), np.float32))


@lowers("LSTM")
def lstm(
    x: Blob,
    w: Const,
    r: Const,
    b: Const | None = None,
    sequence_lens: Const | None = None,
    initial_h: Value | None = None,
    initial_c: Value | None = None,
    p: Const | None = None,
    *,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int = 0,
    input_forget: int = 0,
    layout: int = 0,
) -> tuple[Blob, ...]:
    """LSTM -> Recurrence."""
    require(not input_forget, "input_forget=1")
    return recurrent(
        "LSTM", x, (w, r, b, p), sequence_lens, (initial_h, initial_c), activations=activations, clip=clip,
        alphas=[*activation_alpha, *activation_beta], direction=direction, hidden=hidden_size, layout=layout,
    )  # fmt: skip


@lowers("GRU")
def gru(
    x: Blob,
    w: Const,
    r: Const,
    b: Const | None = None,
    sequence_lens: Const | None = None,
    initial_h: Value | None = None,
    *,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int = 0,
    layout: int = 0,
    linear_before_reset: int = 0,
) -> tuple[Blob, ...]:
    """GRU -> Recurrence."""
    return recurrent(
        "GRU", x, (w, r, b, None), sequence_lens, (initial_h,), activations=activations, clip=clip,
        alphas=[*activation_alpha, *activation_beta], direction=direction, hidden=hidden_size, layout=layout,
        linear_before_reset=bool(linear_before_reset),
    )  # fmt: skip


@lowers("RNN")
def rnn(
    x: Blob,
    w: Const,
    r: Const,
    b: Const | None = None,
    sequence_lens: Const | None = None,
    initial_h: Value | None = None,
    *,
    activation_alpha: Sequence[float] = (),
    activation_beta: Sequence[float] = (),
    activations: Sequence[str] = (),
    clip: float | None = None,
    direction: str = "forward",
    hidden_size: int = 0,
    layout: int = 0,
) -> tuple[Blob, ...]:
    """RNN -> Recurrence."""
    return recurrent(
        "RNN", x, (w, r, b, None), sequence_lens, (initial_h,), activations=activations, clip=clip,
        alphas=[*activation_alpha, *activation_beta], direction=direction, hidden=hidden_size, layout=layout,
    )  # fmt: skip
