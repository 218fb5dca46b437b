"""BatchNormalization in training mode, as opsets before 14 say it -> as opset 14 does, which can be converted."""

from __future__ import annotations

import onnx

from converters.errors import ConversionError
from converters.onnx import protos

STATISTICS = 2  # outputs of opset 14 behind the first


def training_norms(proto: onnx.ModelProto) -> None:
    """Give every BatchNormalization with more than one output training_mode=1 and three outputs, in place.

    That is how these opsets tell training from inference. Of weights it is a standardisation, which is folded; of what
    the network computes it is refused later. Raises ConversionError where one of its other outputs is read.
    """
    graph = proto.graph
    read = {name for node in graph.node for name in node.input} | {output.name for output in graph.output}
    for node in graph.node:
        if not protos.is_op(node, "BatchNormalization") or not any(node.output[1:]):
            continue
        if read.intersection(filter(None, node.output[1:])):
            reason = "training mode: it gives the statistics of the batch"
            raise ConversionError([protos.problem(node, reason, "export the model in eval mode")])
        y = node.output[0]
        del node.output[1:]
        node.output.extend(f"{y}/statistic_{number}" for number in range(STATISTICS))
        node.attribute.append(protos.attribute("training_mode", 1))
