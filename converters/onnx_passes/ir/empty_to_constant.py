"""Values without numbers, which no Caffe blob can be, as constants: a Concat leaves them out."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from converters.onnx.graphs import constant, static_shape


def empty_to_constant(model: ir.Model) -> None:
    """Make every empty value that a node computes an initialiser, in place; nodes that then serve nobody go."""
    graph = model.graph
    emptied = []
    for node in graph:
        for value in node.outputs:
            shape = static_shape(value)
            if shape is None or 0 not in shape or min(shape) < 0 or not value.uses() or value.is_graph_output():
                continue
            nothing = np.zeros(shape, (value.dtype or ir.DataType.FLOAT).numpy())
            ir.convenience.replace_all_uses_with(value, constant(graph, f"{value.name}/empty", nothing))
            emptied.append(node)
    for node in reversed(emptied):
        if node.graph is graph and not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
