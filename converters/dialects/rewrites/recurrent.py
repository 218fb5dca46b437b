"""Recurrence as Caffe's LSTM layer, or step by step.

Its bottoms are x (T, N, I) and, unless they are zero, the initial states (1, N, H); its blobs W (g H, I), the bias
(g H) and R (g H, H) for g gates, an LSTM's in the order i, f, o, c; then an LSTM's peepholes, or the bias that a GRU
with linear_before_reset adds to R h in its third gate.
"""

from __future__ import annotations

from math import prod

import numpy as np

from converters.caffe import layers, moves
from converters.caffe.graph import Blob, Node, layer
from converters.caffe.net import Lazy, Weights
from converters.errors import require

MOST_STEPS = 256  # of a sequence that is written out; a step of an LSTM takes 11 layers
MOST_WEIGHTS = 2**26  # numbers in all copies of R together, for no engine lets two layers share weights in every file
State = tuple[Blob, ...]  # the hidden state, and an LSTM's cell; empty where they are zero
FUNCTIONS = {"Sigmoid": "Sigmoid", "Tanh": "TanH", "Relu": "ReLU", "Softplus": "BNLL"}


def lstm_layer(node: Node) -> tuple[Blob, ...]:
    """Caffe's LSTM with its initial states exposed; backwards, on a sequence that is reversed before and after."""
    param = node.values
    require(param["kind"] == "LSTM" and len(node.blobs) == 3, "not a plain LSTM")
    require(param["activations"] == ("Sigmoid", "Tanh", "Tanh"), f"activations {', '.join(param['activations'])}")
    steps, batch, hidden = node.shapes[0]
    x, states = node.bottoms[0], list(node.bottoms[1:])
    back = range(steps - 1, -1, -1)
    x = moves.take(x, 0, back) if param["reverse"] and steps > 1 else x
    filled = [((steps, batch), 1.0)] + [((1, batch, hidden), 0.0)] * (0 if states else 2)
    fillers = [{"type": "constant", "value": value} for _, value in filled]
    dummy = {"shape": [{"dim": list(shape)} for shape, _ in filled], "data_filler": fillers}
    constants = layer("DummyData", tops=len(filled), dummy_data_param=dummy).tops
    cont, *zeros = constants
    made = layer(
        "LSTM", x, cont, *(states or zeros), tops=3, blobs=node.blobs,
        recurrent_param={"num_output": hidden, "expose_hidden": True},
    ).tops  # fmt: skip
    every = moves.take(made[0], 0, back) if param["reverse"] and steps > 1 else made[0]
    return (every, *made[1:])


def step_by_step(node: Node) -> tuple[Blob, ...]:
    """The products with W for all steps at once, then a group of layers for each step, each with its copy of R."""
    steps, batch, hidden = node.shapes[0]
    param = node.values
    require(steps <= MOST_STEPS, f"a sequence of {steps} steps written out; the limit is {MOST_STEPS}")
    copies = steps * prod(node.blobs[2].shape)
    require(copies <= MOST_WEIGHTS, f"{copies:,} recurrent weights in {steps} copies; the limit is {MOST_WEIGHTS:,}")
    unknown = [name for name in param["activations"] if name not in FUNCTIONS]
    require(not unknown, f"activations {', '.join(unknown)}")
    x, *states = node.bottoms
    rows = layers.inner_product(layers.reshape(x, (steps * batch, x.shape[2])), *node.blobs[:2])
    columns = layers.slices(rows, 1, [2 * hidden]) if param["kind"] == "GRU" else (rows,)
    entering = list(zip(*(layers.slices(c, 0, range(batch, steps * batch, batch)) for c in columns), strict=True))
    step = {"LSTM": _lstm_step, "GRU": _gru_step, "RNN": _rnn_step}[param["kind"]]
    current: State = tuple(layers.reshape(state, (batch, hidden)) for state in states)
    hiddens: list[Blob] = [rows] * steps
    for t in range(steps - 1, -1, -1) if param["reverse"] else range(steps):
        current = step(node, entering[t], current)
        hiddens[t] = current[0]
    every = layers.reshape(layers.concat(0, *hiddens), node.shapes[0])
    return (every, *(layers.reshape(state, (1, batch, hidden)) for state in current))


def _function(node: Node, index: int, x: Blob) -> Blob:
    return layers.neuron(FUNCTIONS[node.values["activations"][index]], x)


def _lstm_step(node: Node, entering: tuple[Blob, ...], state: State) -> State:
    """c = f c + i g and h = o tanh(c), where i, f, o and g are functions of W x + R h."""
    hidden, recurrent = node.shapes[0][2], node.blobs[2]
    z = layers.add(entering[0], layers.inner_product(state[0], recurrent)) if state else entering[0]
    gates, g = layers.slices(z, 1, [3 * hidden])
    before = state[1] if state else None
    if len(node.blobs) == 3:
        i, f, o = layers.slices(_function(node, 0, gates), 1, [hidden, 2 * hidden])
    else:
        i, f, o = layers.slices(gates, 1, [hidden, 2 * hidden])
        i, f = (_function(node, 0, _peeped(node, gate, before, k)) for gate, k in ((i, 0), (f, 2)))
    c = layers.mul(i, _function(node, 1, g))
    c = layers.add(layers.mul(f, before), c) if before is not None else c
    if len(node.blobs) > 3:
        o = _function(node, 0, _peeped(node, o, c, 1))
    return layers.mul(o, _function(node, 2, c)), c


def _peeped(node: Node, gate: Blob, cell: Blob | None, part: int) -> Blob:
    """A gate that sees the cell through one third of the peepholes, which ONNX orders i, o, f."""
    if cell is None:
        return gate
    hidden, holes = node.shapes[0][2], node.blobs[3]
    weight = Lazy((hidden,), lambda: np.asarray(holes, np.float32)[part * hidden : (part + 1) * hidden])
    return layers.add(gate, layers.scale(cell, weight))


def _rnn_step(node: Node, entering: tuple[Blob, ...], state: State) -> State:
    """h = tanh(W x + R h)."""
    z = layers.add(entering[0], layers.inner_product(state[0], node.blobs[2])) if state else entering[0]
    return (_function(node, 0, z),)


def _gru_step(node: Node, entering: tuple[Blob, ...], state: State) -> State:
    """h = n + z (h - n), where n is a function of W x + R (r h), with linear_before_reset of W x + r (R h + bias)."""
    linear = node.values["linear_before_reset"]
    hidden, recurrent = node.shapes[0][2], node.blobs[2]
    gates, n = entering
    inner: Blob | None = None
    if state and linear:
        bias = node.blobs[3]
        whole = Lazy((3 * hidden,), lambda: np.pad(np.asarray(bias, np.float32), (2 * hidden, 0)))
        turned, inner = layers.slices(layers.inner_product(state[0], recurrent, whole), 1, [2 * hidden])
        gates = layers.add(gates, turned)
    elif state:
        gates = layers.add(gates, layers.inner_product(state[0], _rows(recurrent, 0, 2 * hidden)))
    z, r = layers.slices(_function(node, 0, gates), 1, [hidden])
    if linear:
        n = layers.add(n, layers.mul(r, inner) if inner is not None else layers.scale(r, node.blobs[3]))
    elif state:
        n = layers.add(n, layers.inner_product(layers.mul(r, state[0]), _rows(recurrent, 2 * hidden, 3 * hidden)))
    n = _function(node, 1, n)
    if not state:
        return (layers.mul(n, layers.power(z, scale=-1, shift=1)),)
    return (layers.add(n, layers.mul(z, layers.sub(state[0], n))),)


def _rows(weight: Weights, start: int, stop: int) -> Lazy:
    return Lazy((stop - start, weight.shape[1]), lambda: np.asarray(weight, np.float32)[start:stop])
