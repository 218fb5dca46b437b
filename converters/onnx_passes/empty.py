"""Values without numbers, which no Caffe blob can be, as constants: a Concat leaves them out."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.onnx_passes.spec import static_shape


def empty_to_constant(model: ir.Model) -> None:
    """Make every empty value that a node computes an initialiser, in place; nodes that then serve nobody go."""
    graph = model.graph
    emptied = []
    for node in graph:
        for value in node.outputs:
            shape = static_shape(value)
            if shape is None or 0 not in shape or not value.uses() or value.is_graph_output():
                continue
            tensor = ir.Tensor(np.zeros(shape, (value.dtype or ir.DataType.FLOAT).numpy()), name=f"{value.name}/empty")
            new = ir.Value(name=tensor.name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor)
            graph.register_initializer(new)
            ir.convenience.replace_all_uses_with(value, new)
            emptied.append(node)
    for node in reversed(emptied):
        if node.graph is graph and not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
