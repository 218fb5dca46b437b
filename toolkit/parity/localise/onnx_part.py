"""Some nodes of an ONNX file -> a model of their own, whose inputs and output have the layout that Caffe gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from converters.preprocessing import Preprocessing
from toolkit.onnx_file import read_onnx
from toolkit.parity.localise.graphs import Graph

AS_MODEL = "in_model_layout"  # what a value is called once its channels stand as the nodes expect them


def extract(
    of: Graph,
    steps: Sequence[int],
    target: str,
    reads: Sequence[str],
    samples: Mapping[str, np.ndarray],
    orders: Mapping[str, Sequence[int]],
    raw: Mapping[str, Preprocessing],
    viewed: bool = False,
) -> Any:
    """The model of these nodes of an ONNX file, which make `target` from `reads`.

    `samples` holds an array of each of these in Caffe's layout; `viewed`: the output has other axes there.

    An input whose channels are ordered as in Caffe is brought into the model's order first, a raw image is
    preprocessed first, and the output is ordered as in Caffe: so both files take and give the very same arrays.
    """
    import onnx
    from onnx import helper

    path = Path(of.file)
    source = read_onnx(path, of.precision)
    nodes = [_copy(source.graph.node[index]) for index in steps]
    before: list[Any] = []
    constants: dict[str, np.ndarray] = {}
    for name in reads:
        made = [*_restored(name, orders.get(name), constants), *_preprocessed(name, raw.get(name), samples, constants)]
        before += made
        if made:
            _rename(nodes, name, f"{name}/{AS_MODEL}")
    view = samples[target].shape if viewed else None
    after = _as_in_caffe(nodes, target, orders.get(target), view, constants)
    used = {name for node in nodes for name in _names(node)}
    *inputs, output = (
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(samples[name].dtype), samples[name].shape)
        for name in (*reads, target)
    )
    weights = [_inline(tensor, path) for tensor in source.graph.initializer if tensor.name in used]
    weights += [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph([*before, *nodes, *after], "part", inputs, [output], weights)
    model = helper.make_model(graph, opset_imports=source.opset_import, ir_version=max(source.ir_version, 8))
    model.functions.extend(source.functions)
    return model


def _copy(node: Any) -> Any:
    import onnx

    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    return copy


def _inline(tensor: Any, path: Path) -> Any:
    """A weight with its data, wherever that lay."""
    import onnx

    from converters.onnx.source import external_file

    if tensor.data_location != onnx.TensorProto.EXTERNAL:
        return tensor
    external_file(tensor, path.resolve().parent, path)  # refuses what lies outside the model's folder
    return onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(tensor, str(path.resolve().parent)), tensor.name)


def _names(node: Any) -> list[str]:
    """Every name that a node or a body inside it reads."""
    bodies = [body for attribute in node.attribute for body in (attribute.g, *attribute.graphs)]
    inner = [name for body in bodies for one in body.node for name in _names(one)]
    return [*node.input, *inner, *(value.name for body in bodies for value in body.output)]


def _rename(nodes: Sequence[Any], old: str, new: str) -> None:
    for node in nodes:
        for place, name in enumerate(node.input):
            if name == old:
                node.input[place] = new
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                _rename(body.node, old, new)


def _gather(source: str, result: str, order: Sequence[int], constants: dict[str, np.ndarray]) -> Any:
    from onnx import helper

    constants[f"{result}/order"] = np.asarray(order, np.int64)
    return helper.make_node("Gather", [source, f"{result}/order"], [result], axis=1)


def _restored(name: str, order: Sequence[int] | None, constants: dict[str, np.ndarray]) -> list[Any]:
    if order is None:
        return []
    return [_gather(name, f"{name}/{AS_MODEL}", np.argsort(order).tolist(), constants)]


def _preprocessed(
    name: str, raw: Preprocessing | None, samples: Mapping[str, np.ndarray], constants: dict[str, np.ndarray]
) -> list[Any]:
    """(x * scale - mean) / std, the channels swapped first where they are."""
    from onnx import helper

    if not raw:
        return []
    channels = samples[name].shape[1]
    steps: list[Any] = []
    value = name
    if raw.swap:
        value = f"{name}/swapped"
        steps.append(_gather(name, value, range(channels)[::-1], constants))
    for key, array in zip(("factor", "shift"), raw.factor_and_shift(channels), strict=True):
        constants[f"{name}/{key}"] = array.reshape(1, -1, 1, 1).astype(np.float32)
    scaled = f"{name}/scaled"
    return [
        *steps,
        helper.make_node("Mul", [value, f"{name}/factor"], [scaled]),
        helper.make_node("Add", [scaled, f"{name}/shift"], [f"{name}/{AS_MODEL}"]),
    ]


def _as_in_caffe(
    nodes: Sequence[Any],
    target: str,
    order: Sequence[int] | None,
    view: Sequence[int] | None,
    constants: dict[str, np.ndarray],
) -> list[Any]:
    from onnx import helper

    if order is None and view is None:
        return []
    inner = f"{target}/{AS_MODEL}"
    for node in nodes:
        for place, name in enumerate(node.output):
            if name == target:
                node.output[place] = inner
    if order is not None:
        return [_gather(inner, target, order, constants)]
    constants[f"{target}/shape"] = np.asarray(view, np.int64)
    return [helper.make_node("Reshape", [inner, f"{target}/shape"], [target])]
