"""LSTM, GRU and RNN: directions, states, biases, layouts. Those with more than one output are all compared."""

import itertools

from tests.cases import Case

ALL = ("portable",)
GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
OUTPUTS = {"LSTM": "y, h, c", "GRU": "y, h", "RNN": "y, h"}
T, N, I, H = 5, 2, 3, 4  # noqa: E741


def use(
    op: str,
    *,
    direction: str = "forward",
    bias: bool = True,
    states: str = "",
    attributes: str = "",
    steps: int = T,
    batch: int = N,
    holes: bool = False,
    dialects: tuple[str, ...] = ALL,
    refused: str = "",
) -> Case:
    """One use; `states` is '', 'w' for constant initial states or 'x' for computed ones."""
    d, g = 1 + (direction == "bidirectional"), GATES[op]
    state = f"{d},{batch},{H}"
    inputs = [f"float[{steps},{batch},{I}] x", f"float[{d},{g * H},{I}] w", f"float[{d},{g * H},{H}] r"]
    names = ["x", "w", "r"]
    if bias:
        inputs.append(f"float[{d},{2 * g * H}] b")
        names.append("b")
    elif states or holes:
        names.append("")
    if states or holes:
        names.append("")
    for which in ("h", "c")[: 2 if op == "LSTM" else 1] if states or holes else ():
        if states:
            inputs.append(f"float[{state}] {states}{which}0")
        names.append(f"{states}{which}0" if states else "")
    if holes:
        inputs.append(f"float[{d},{3 * H}] p")
        names.append("p")
    settings = f'hidden_size={H}, direction="{direction}"' + attributes
    outputs = tuple(OUTPUTS[op].split(", "))
    body = f"{OUTPUTS[op]} = {op}<{settings}>({', '.join(names)})"
    return Case(", ".join(inputs), body, low=-1, high=1, outputs=outputs, dialects=dialects, refused=refused)


CASES = {
    **{
        f"{op.lower()}_{direction}_{'bias' if bias else 'plain'}": use(op, direction=direction, bias=bias)
        for op, direction, bias in itertools.product(GATES, ("forward", "reverse", "bidirectional"), (True, False))
    },
    **{
        f"{op.lower()}_states_{kind}_{direction}": use(op, states=kind, direction=direction, bias=bias)
        for op, kind, direction, bias in itertools.product(GATES, "wx", ("forward", "bidirectional"), (True,))
    },
    **{f"{op.lower()}_one_step": use(op, steps=1, direction="bidirectional") for op in GATES},
    **{f"{op.lower()}_batch_of_one": use(op, batch=1, direction="bidirectional") for op in GATES},
    **{
        f"gru_reset_{direction}_{kind or 'zero'}": use(
            "GRU", direction=direction, states=kind, attributes=", linear_before_reset=1"
        )
        for direction, kind in itertools.product(("forward", "bidirectional"), ("", "w", "x"))
    },
    "gru_reset_plain": use("GRU", bias=False, attributes=", linear_before_reset=1"),
    "gru_reset_one_step": use("GRU", steps=1, attributes=", linear_before_reset=1"),
    **{
        f"{op.lower()}_one_step_then_relu": Case(
            use(op, steps=1, states="x").inputs,
            use(op, steps=1, states="x").body.replace("y,", "s,", 1) + "; t = Relu(s); y = Softmax<axis=-1>(t)",
            low=-1,
            high=1,
            outputs=tuple(OUTPUTS[op].split(", ")),
            dialects=ALL,
        )
        for op in GATES
    },
    "lstm_peepholes": use("LSTM", holes=True),
    "lstm_peepholes_states": use("LSTM", holes=True, states="x", direction="bidirectional"),
    "lstm_long": use("LSTM", steps=40, direction="reverse"),
    "rnn_relu": use("RNN", attributes=', activations=["Relu"]'),
    "rnn_two_functions": use("RNN", direction="bidirectional", attributes=', activations=["Relu", "Tanh"]'),
    "gru_functions": use("GRU", attributes=', activations=["Sigmoid", "Softplus"]'),
    "lstm_functions": use("LSTM", attributes=', activations=["Sigmoid", "Relu", "Tanh"]'),
    "lstm_too_long": use("LSTM", steps=300, dialects=("bvlc", "bvlc-1.0", "shufflenet")),
    "gru_too_long": use("GRU", steps=300, dialects=(), refused="a sequence of 300 steps written out; the limit is 256"),
    "lstm_clip": use("LSTM", attributes=", clip=0.5", dialects=(), refused="a clip of what enters the activations"),
    "rnn_leaky": use(
        "RNN", attributes=', activations=["LeakyRelu"], activation_alpha=[0.1]', dialects=(), refused="activations with"
    ),
    "lstm_coupled": use("LSTM", attributes=", input_forget=1", dialects=(), refused="input_forget=1"),
    "lstm_output_alone": Case(
        "float[5,2,3] x, float[1,16,3] w, float[1,16,4] r", "y = LSTM<hidden_size=4>(x, w, r)", dialects=ALL
    ),
    "lstm_lengths": Case(
        "float[3,2,3] x, float[1,16,3] w, float[1,16,4] r",
        "n = Constant<value=int32[2] {3, 3}>(); y = LSTM<hidden_size=4>(x, w, r, , n)",
        dialects=ALL,
    ),
    "lstm_short_lengths": Case(
        "float[3,2,3] x, float[1,16,3] w, float[1,16,4] r",
        "n = Constant<value=int32[2] {3, 2}>(); y = LSTM<hidden_size=4>(x, w, r, , n)",
        dialects=(),
        refused="sequences shorter than 3 steps",
    ),
    "text_recogniser": Case(
        "float[1,8,1,12] x, float[2,16,8] w, float[2,16,4] r, float[2,32] b, float[5,8] v",
        "i = Constant<value=int64[1] {2}>(); s = Squeeze(x, i); t = Transpose<perm=[2,0,1]>(s);"
        'a, b2, c2 = LSTM<hidden_size=4, direction="bidirectional">(t, w, r, b);'
        "m = Transpose<perm=[0,2,1,3]>(a); k = Constant<value=int64[3] {0,0,-1}>(); f = Reshape(m, k);"
        "vt = Transpose<perm=[1,0]>(v); l = MatMul(f, vt); y = Softmax<axis=2>(l)",
        dialects=ALL,
    ),
}
