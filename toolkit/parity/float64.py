"""An ONNX file -> what it computes in double precision: how far float32 itself is from the truth.

onnxruntime has few kernels for doubles (no convolution), so numpy runs the nodes one by one: by onnx's own reference
implementation, with convolution, pooling and normalisation of ours, as the reference is slow or wrong there. Since it
would excuse an engine's fault if it were wrong elsewhere, `audit` compares it with the reference node by node.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.onnx_file import OWN, read_onnx
from toolkit.parity.inputs import Feeds

SAME = 1e-3  # of a node's largest value: far more than float32's rounding in one node, far less than another formula
NOTHING = 1e-6  # onnxruntime's sigmoid is 0 where the true one is 1e-8


def values(path: Path, precision: str = OWN) -> tuple[str, ...]:
    """The names of everything that the nodes of a file compute and somebody reads."""
    graph = read_onnx(path, precision).graph
    read = {name for node in _nodes(graph.node) for name in node.input} | {value.name for value in graph.output}
    return tuple(name for node in graph.node for name in node.output if name in read)


def audit(path: Path, known: Feeds, precision: str = OWN) -> None:
    """Raise ToolkitError unless every node, fed what the reference fed it, computes what the reference computed.

    `known` holds the inputs and all `values` of one run of the reference.
    """
    import onnx

    model = to_double(path, precision)
    graph = model.graph
    own = values(path, precision)
    for node in graph.node:  # steps of what was fused are not among them
        node.output[:] = [f"{name}/own" if name in own else name for name in node.output]
    constants = {tensor.name for tensor in graph.initializer}
    del graph.input[:]
    graph.input.extend(onnx.ValueInfoProto(name=name) for name in known if name not in constants)
    made = [f"{name}/own" for name in own]
    found = _evaluate(path, model, known, made)
    for name, got in found.items():
        want = known[name.removesuffix("/own")]
        if not _same(want, got):
            node = next(node for node in graph.node if name in node.output)
            raise ToolkitError(
                f"{path} can't be run in float64: {node.op_type} '{name.removesuffix('/own')}' computes something else "
                f"in onnx's reference implementation than in the reference"
            )


def _same(want: np.ndarray, got: np.ndarray) -> bool:
    if want.dtype.kind != "f" or want.shape != got.shape:
        return np.array_equal(want, got)
    scale = np.abs(want.astype(np.float64)).max(initial=0, where=np.isfinite(want))
    return np.allclose(got, want, rtol=0, atol=SAME * scale + NOTHING, equal_nan=True)


def run(
    path: Path, feeds: Sequence[Feeds], outputs: Sequence[str], precision: str = OWN
) -> list[dict[str, np.ndarray]]:
    """These values for every sample, floats in double precision."""
    import onnx

    model = to_double(path, precision)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return [_evaluate(path, model, sample, outputs) for sample in feeds]


def _evaluate(path: Path, model: Any, feeds: Feeds, outputs: Sequence[str]) -> dict[str, np.ndarray]:
    """These values of a model whose floats are doubles."""
    from onnx.reference import ReferenceEvaluator

    from toolkit.parity.float64_ops import operators

    try:
        session = ReferenceEvaluator(model, new_ops=operators())
        with np.errstate(all="ignore"):  # an exp that overflows on the side that is not taken
            return dict(zip(outputs, session.run(list(outputs), _doubles(feeds)), strict=True))
    except Exception as error:  # onnx's reference implementation raises whatever numpy does
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ToolkitError(f"{path} can't be run in float64: {reason}") from error


def _doubles(sample: Feeds) -> Feeds:
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in sample.items()}


def to_double(path: Path, precision: str = OWN) -> Any:
    """The model with every float tensor and every float type in it made double."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    from converters.onnx_passes.proto.unfold_fused import unfold_fused

    model = read_onnx(path, precision)
    load_external_data_for_model(model, str(path.resolve().parent))
    unfold_fused(model)  # onnx's own operators are all that the reference implementation has
    kinds: set[int] = {onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}
    for tensor in model.graph.initializer:
        _widen(tensor, kinds)
    for node in (*_nodes(model.graph.node), *(node for one in model.functions for node in _nodes(one.node))):
        for attribute in node.attribute:
            if attribute.HasField("t"):
                _widen(attribute.t, kinds)
            elif attribute.name in ("to", "dtype") and attribute.i in kinds:
                attribute.i = onnx.TensorProto.DOUBLE
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.elem_type in kinds:
            value.type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    del model.graph.value_info[:]
    return model


def _nodes(nodes: Any) -> Iterator[Any]:
    """Nodes and those in bodies inside them, whose own constants are widened as well."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _nodes(body.node)


def _widen(tensor: Any, kinds: set[int]) -> None:
    import onnx

    if tensor.data_type in kinds:
        array = onnx.numpy_helper.to_array(tensor).astype(np.float64)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
