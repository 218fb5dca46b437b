"""An ONNX file -> what it computes in double precision: how far float32 itself is from the truth.

onnxruntime has few kernels for doubles (no convolution), so numpy runs the nodes one by one: by onnx's own reference
implementation, with convolution and pooling of ours, as the reference steps through single windows there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import ToolkitError
from toolkit.parity.graphs import load_onnx
from toolkit.parity.inputs import Feeds


def run(path: Path, feeds: Sequence[Feeds], outputs: Sequence[str]) -> list[dict[str, np.ndarray]]:
    """These values for every sample, floats in double precision."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    from toolkit.parity.float64_ops import operators

    model = to_double(path)
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    try:
        session = ReferenceEvaluator(model, new_ops=operators())
        with np.errstate(all="ignore"):  # an exp that overflows on the side that is not taken
            found = [list(session.run(list(outputs), _doubles(sample))) for sample in feeds]
        return [dict(zip(outputs, arrays, strict=True)) for arrays in found]
    except Exception as error:  # onnx's reference implementation raises whatever numpy does
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise ToolkitError(f"{path} can't be run in float64: {reason}") from error


def _doubles(sample: Feeds) -> Feeds:
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in sample.items()}


def to_double(path: Path) -> Any:
    """The model with every float tensor and every float type in it made double."""
    import onnx
    from onnx.external_data_helper import load_external_data_for_model

    model = load_onnx(path)
    load_external_data_for_model(model, str(path.resolve().parent))
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
