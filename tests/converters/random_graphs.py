"""Small random graphs of many operators with random attributes, from any source of random choices."""

from __future__ import annotations

import random

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Builder:
    """An ONNX graph that grows by one operator at a time; shapes follow by inference."""

    def __init__(self, choose: random.Random, shape: tuple[int, ...]) -> None:
        self.choose = choose
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.shape = shape
        self.values: list[tuple[str, tuple[int, ...]]] = [("x", shape)]

    def pick(self, *options: object) -> object:
        return self.choose.choice(options)

    def constant(self, array: np.ndarray) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def floats(self, shape: tuple[int, ...], low: float = -1.0, high: float = 1.0) -> str:
        seed = self.choose.randint(0, 2**16)
        return self.constant(np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32))

    def ints(self, values: list[int]) -> str:
        return self.constant(np.array(values, np.int64))

    def add(self, op: str, inputs: list[str], **attributes: object) -> None:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], **attributes))
        inferred = onnx.shape_inference.infer_shapes(self.model(), strict_mode=True, data_prop=True)
        dims = inferred.graph.output[0].type.tensor_type.shape.dim
        self.values.append((name, tuple(dim.dim_value for dim in dims)))

    def model(self) -> onnx.ModelProto:
        graph = helper.make_graph(
            self.nodes,
            "random",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, self.shape)],
            [helper.make_tensor_value_info(self.nodes[-1].output[0], TensorProto.FLOAT, None)],
            self.constants,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def convolution(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    c = shape[1]
    group = b.pick(*[g for g in (1, 2, 3, c) if c % g == 0])
    kernel = [b.pick(1, 2, 3), b.pick(1, 3)]
    dilations = [b.pick(1, 1, 2), b.pick(1, 1, 2)]
    pads = [b.pick(0, 1, 2) for _ in range(4)]
    out = group * b.pick(1, 2, 3)
    weight = b.floats((out, c // group, *kernel))
    bias = [b.floats((out,))] if b.pick(True, False) else []
    b.add("Conv", [x, weight, *bias], group=group, pads=pads, dilations=dilations, strides=[b.pick(1, 2), b.pick(1, 2)])


def transposed(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    c = shape[1]
    group = b.pick(*[g for g in (1, 2, 3) if c % g == 0])
    stride = b.pick(1, 2, 3)
    weight = b.floats((c, b.pick(1, 2), b.pick(1, 2, 3), b.pick(1, 2, 3)))
    extra = [b.pick(*range(stride)), 0]
    pads = [b.pick(0, 1) for _ in range(4)]
    b.add("ConvTranspose", [x, weight], group=group, strides=[stride, stride], output_padding=extra, pads=pads)


def pool(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    kernel = [b.pick(1, 2, 3), b.pick(2, 3)]
    pads = [b.pick(*range(kernel[i % 2])) for i in range(4)]
    options: dict[str, object] = {"ceil_mode": b.pick(0, 1), "strides": [b.pick(1, 2), b.pick(1, 2, 3)]}
    if b.pick("max", "ave") == "ave":
        b.add("AveragePool", [x], kernel_shape=kernel, pads=pads, count_include_pad=b.pick(0, 1), **options)
    else:
        b.add("MaxPool", [x], kernel_shape=kernel, pads=pads, **options)


def unary(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    op, attributes = b.pick(
        *(("Relu", {}), ("LeakyRelu", {"alpha": 0.3}), ("Elu", {"alpha": 0.7}), ("Sigmoid", {}), ("Tanh", {})),
        *(("HardSigmoid", {}), ("HardSwish", {}), ("Softplus", {}), ("Softsign", {}), ("Abs", {}), ("Neg", {})),
        *(
            ("Selu", {}),
            ("Mish", {}),
            ("Erf", {}),
            ("Identity", {}),
            ("Softmax", {"axis": 1}),
            ("Softmax", {"axis": -1}),
        ),
    )
    b.add(op, [x], **attributes)


def binary(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    op = b.pick("Add", "Sub", "Mul", "Div", "Max", "Min")
    keep = [b.pick(True, False) for _ in shape]
    other = tuple(size if kept else 1 for size, kept in zip(shape, keep, strict=True))
    other = other[b.pick(0, 1, len(shape) - 1) :]
    constant = b.floats(other, 0.5, 2.0)
    b.add(op, [x, constant] if b.pick(True, False) or op == "Div" else [constant, x])


def join(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    fit = [name for name, other in b.values if other == shape]
    op = b.pick("Add", "Mul", "Sub", "Max", "Concat")
    other = b.pick(*fit)
    b.add(op, [x, other], **({"axis": b.pick(*range(1, len(shape)))} if op == "Concat" else {}))


def reduce(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    axes = b.choose.sample(range(1, len(shape)), min(b.pick(1, 2), len(shape) - 1))
    op = b.pick("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2")
    b.add(op, [x, b.ints(axes)], keepdims=b.pick(1, 1, 0))


def move(b: Builder, x: str, shape: tuple[int, ...]) -> None:
    kind = b.pick("Transpose", "Slice", "Pad", "Flatten", "Reshape", "Resize")
    if kind == "Transpose":
        b.add("Transpose", [x], perm=[0, *b.choose.sample(range(1, len(shape)), len(shape) - 1)])
    elif kind == "Slice":
        axis = b.pick(*range(1, len(shape)))
        start = b.choose.randrange(shape[axis])
        b.add("Slice", [x, b.ints([start]), b.ints([10**6]), b.ints([axis]), b.ints([b.pick(1, 1, 2)])])
    elif kind == "Pad" and len(shape) == 4:
        pads = [0, 0, b.pick(0, 1), b.pick(0, 2), 0, 0, b.pick(0, 1), b.pick(0, 1)]
        b.add("Pad", [x, b.ints(pads)], mode=b.pick("constant", "edge"))
    elif kind == "Flatten":
        b.add("Flatten", [x], axis=b.pick(1, 2))
    elif kind == "Reshape":
        b.add("Reshape", [x, b.ints([shape[0], -1, *shape[3:]])])
    elif kind == "Resize" and len(shape) == 4:
        scales = b.constant(np.array([1, 1, b.pick(2, 1.5, 0.5), b.pick(1, 2)], np.float32))
        mode = b.pick("nearest", "linear")
        b.add("Resize", [x, "", scales], mode=mode, coordinate_transformation_mode=b.pick("half_pixel", "asymmetric"))


SPATIAL = (convolution, transposed, pool)
STEPS = (*SPATIAL, unary, binary, join, reduce, move)


def random_graph(choose: random.Random) -> onnx.ModelProto:
    """A chain of one to five operators on a small image, with values further up read again."""
    shape = (choose.choice((1, 1, 2)), choose.choice((2, 3, 6)), choose.randint(3, 7), choose.randint(3, 7))
    builder = Builder(choose, shape)
    for _ in range(choose.randint(1, 5)):
        name, current = builder.values[-1]
        step = choose.choice(STEPS if len(current) == 4 else (unary, binary, join, move))
        if len(current) < 2 or 0 in current or np.prod(current) > 4000:
            break
        try:
            step(builder, name, current)
        except onnx.shape_inference.InferenceError:
            builder.nodes.pop()
            break
        if not builder.values[-1][1] or min(builder.values[-1][1]) < 1:
            builder.nodes.pop()
            builder.values.pop()
            break
    if not builder.nodes:
        unary(builder, "x", shape)
    return builder.model()
