"""LSTM and RNN over sequences (T, N, ...) with a blob `cont` (T, N), whose zeros say where a sequence begins anew.

Where `cont` is a constant that begins one sequence at the first step at most, ONNX's own LSTM and RNN do; else a Scan
walks over the steps. Before the first step all states are zero, as in Caffe's first pass: it carries them over from one
pass to the next, which a model without states of its own can't.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
import onnx_ir as ir

from converters.caffe.net import Array, Shape
from converters.caffe_to_onnx.build import Ops, dims
from converters.caffe_to_onnx.registry import Blobs, lifts
from converters.errors import require
from converters.onnx.graphs import value_of

FLOAT = ir.TensorType(ir.DataType.FLOAT)
LSTM_ORDER = (0, 2, 1, 3)  # Caffe's gates are i, f, o, g; ONNX's i, o, f, c


@dataclass(frozen=True)
class Walk:
    """What both layers are given: the steps' inputs (T, N, I), `cont`, what is the same in all steps, first states."""

    x: ir.Value
    steps: int
    batch: int
    inner: int
    cont: ir.Value
    static: ir.Value | None
    states: tuple[ir.Value, ...]

    @property
    def kept(self) -> np.ndarray | None:
        """`cont` where it is a constant."""
        tensor = self.cont.const_value
        return None if tensor is None else np.asarray(tensor.numpy())

    @property
    def plain(self) -> bool:
        """Whether one sequence runs through all steps, and nothing is added in each."""
        kept = self.kept
        if kept is None or self.static is not None or not (kept[1:] == 1).all():
            return False
        return bool((kept[0] == 0).all() or (kept[0] == 1).all())

    @property
    def first(self) -> tuple[ir.Value, ...]:
        """The given first states, unless the first step forgets them."""
        kept = self.kept
        return () if kept is not None and (kept[0] == 0).all() else self.states


def _sequence(op: Ops, bottoms: Sequence[ir.Value], states: int) -> Walk:
    require(len(bottoms) >= 2, "has no blob that says where sequences begin")
    x, cont, *rest = bottoms
    shape = dims(x)
    require(len(shape) >= 2 and dims(cont) == shape[:2], f"has a cont of {dims(cont)} for sequences of {shape}")
    require(len(rest) in (states, states + 1), f"has {len(bottoms)} bottoms")
    static = rest[0] if len(rest) > states else None
    steps = x if len(shape) == 3 else op.reshape(x, (*shape[:2], -1)) if len(shape) > 3 else op.unsqueeze(x, [2])
    return Walk(steps, shape[0], shape[1], prod(shape[2:]), cont, static, tuple(rest[len(rest) - states :]))


def _weights(given: Blobs, seq: Walk, rows: int, hidden: int, *more: Shape) -> tuple[Array, ...]:
    """Weights of the input, bias, weights of what is the same in all steps (or nothing), then the others."""
    static = [(rows, prod(dims(seq.static)[1:]))] if seq.static is not None else []
    return given.take((rows, seq.inner), (rows,), *static, (rows, hidden), *more)


@lifts("LSTM")
def lstm(
    op: Ops, *bottoms: ir.Value, num_output: int, expose_hidden: bool, blobs: Blobs, tops: Sequence[Shape]
) -> tuple[ir.Value, ...]:
    """LSTM -> LSTM, or a Scan where `cont` decides at run time."""
    seq = _sequence(op, bottoms, 2 if expose_hidden else 0)
    hidden = num_output
    found = _weights(blobs, seq, 4 * hidden, hidden)
    if seq.plain:
        w, b, r = found
        rows = np.concatenate([np.arange(gate * hidden, (gate + 1) * hidden) for gate in LSTM_ORDER])
        bias = np.concatenate([b[rows], np.zeros(4 * hidden, np.float32)])[None]
        made = op.several("LSTM", 3, seq.x, w[rows][None], r[rows][None], bias, None, *seq.first, hidden_size=hidden)
        return (op.squeeze(made[0], [1]), *made[1:])[: len(tops)]
    gates = _gates(op, seq, found, hidden=4 * hidden)
    recurrent = value_of(f"{blobs.layer.name}/recurrence", ir.Tensor(found[-1]))

    def step(body: Ops, x: ir.Value, kept: ir.Value, h: ir.Value, c: ir.Value) -> tuple[ir.Value, ...]:
        i, f, o, g = body.split(body.Gemm(body.Mul(h, kept), recurrent, x, transB=1), 1, [hidden] * 4)
        cell = body.Add(body.Mul(body.Sigmoid(f), body.Mul(c, kept)), body.Mul(body.Sigmoid(i), body.Tanh(g)))
        return body.Mul(body.Sigmoid(o), body.Tanh(cell)), cell

    h, c, every = _scan(op, seq, gates, 2, hidden, step, [recurrent], blobs.layer.name)
    return (every, op.unsqueeze(h, [0]), op.unsqueeze(c, [0]))[: len(tops)]


@lifts("RNN")
def rnn(
    op: Ops, *bottoms: ir.Value, num_output: int, expose_hidden: bool, blobs: Blobs, tops: Sequence[Shape]
) -> tuple[ir.Value, ...]:
    """RNN -> RNN or a Scan for the hidden states, then tanh of a product of each: Caffe's RNN has outputs as well."""
    seq = _sequence(op, bottoms, 1 if expose_hidden else 0)
    hidden = num_output
    *found, out, out_bias = _weights(blobs, seq, hidden, hidden, (hidden, hidden), (hidden,))
    if seq.plain:
        w, b, r = found
        bias = np.concatenate([b, np.zeros(hidden, np.float32)])[None]
        made = op.several("RNN", 2, seq.x, w[None], r[None], bias, None, *seq.first, hidden_size=hidden)
        every, last = op.squeeze(made[0], [1]), made[1]
    else:
        gates = _gates(op, seq, found, hidden=hidden)
        recurrent = value_of(f"{blobs.layer.name}/recurrence", ir.Tensor(found[-1]))

        def step(body: Ops, x: ir.Value, kept: ir.Value, h: ir.Value) -> tuple[ir.Value, ...]:
            return (body.Tanh(body.Gemm(body.Mul(h, kept), recurrent, x, transB=1)),)

        h, every = _scan(op, seq, gates, 1, hidden, step, [recurrent], blobs.layer.name)
        last = op.unsqueeze(h, [0])
    product = op.MatMul(every, op.constant(np.ascontiguousarray(out.T), "output"))
    return (op.Tanh(op.Add(product, op.constant(out_bias, "output_bias"))), last)[: len(tops)]


def _gates(op: Ops, seq: Walk, found: Sequence[Array], hidden: int) -> ir.Value:
    """(T, N, rows): what the inputs give, with the bias and what is the same in all steps."""
    w, b, *static = found[:-1]
    flat = op.Gemm(op.reshape(seq.x, (-1, seq.inner)), op.constant(w, "weight"), op.constant(b, "bias"), transB=1)
    gates = op.reshape(flat, (seq.steps, seq.batch, hidden))
    if seq.static is None:
        return gates
    same = seq.static if len(dims(seq.static)) == 2 else op.Flatten(seq.static, axis=1)
    return op.Add(gates, op.Gemm(same, op.constant(static[0], "static"), transB=1))


def _scan(
    op: Ops,
    seq: Walk,
    gates: ir.Value,
    states: int,
    hidden: int,
    step: Callable[..., tuple[ir.Value, ...]],
    constants: Sequence[ir.Value],
    name: str,
) -> tuple[ir.Value, ...]:
    """The last states (N, H) and the first state of every step (T, N, H)."""
    shape, rows = (seq.batch, hidden), hidden * (4 if states == 2 else 1)
    given = [op.squeeze(state, [0]) for state in seq.states]
    firsts = given or [op.constant(np.zeros(shape, np.float32), "state") for _ in range(states)]
    body = Ops(op.opset)
    before = [ir.Value(name=f"{name}/before_{at}", shape=ir.Shape(shape), type=FLOAT) for at in range(states)]
    x = ir.Value(name=f"{name}/x", shape=ir.Shape((seq.batch, rows)), type=FLOAT)
    kept = ir.Value(name=f"{name}/cont", shape=ir.Shape((seq.batch, 1)), type=FLOAT)
    after = step(body, x, kept, *before)
    for at, node in enumerate(body.nodes):
        node.name = f"{name}/step_{at}"
        for place, value in enumerate(node.outputs):
            value.name = f"{name}/step_{at}_{place}"
    every = body.Identity(after[0])
    every.name = f"{name}/every"
    for value in (*after, every):
        value.shape, value.type = ir.Shape(shape), FLOAT
    sizes = [value for value in body.constants if value not in constants]
    for at, value in enumerate(sizes):
        value.name = f"{name}/constant_{at}"
    graph = ir.Graph(
        [*before, x, kept], [*after, every], nodes=body.nodes, initializers=[*constants, *sizes], name=f"{name}/step"
    )
    conts = op.unsqueeze(seq.cont, [2])
    return op.several("Scan", states + 1, *firsts, gates, conts, body=graph, num_scan_inputs=2)
