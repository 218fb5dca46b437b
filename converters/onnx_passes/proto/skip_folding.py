"""Networks in which there is nothing to fold: they need no onnxruntime, which costs more than the rest of the way.

A plain network computes with activations and weights alone: no shapes are calculated, nothing is transposed, no
function has to be taken apart. onnx's own inference knows every shape then, and onnxruntime would hand back the same
nodes.
"""

from __future__ import annotations

import onnx
import onnx.checker
import onnx.shape_inference

from converters.onnx import protos
from converters.onnx_passes.spec import canonical_opset

# Each operator with the opset since which it means what it means today: later ones added types, or attributes whose
# default changes nothing.
PLAIN = {
    "Conv": 11,
    "ConvTranspose": 11,
    "BatchNormalization": 9,
    "Gemm": 11,
    "LRN": 1,
    "Relu": 6,
    "LeakyRelu": 6,
    "PRelu": 9,
    "Clip": 12,
    "Sigmoid": 6,
    "Tanh": 6,
    "HardSigmoid": 6,
    "Softmax": 13,
    "MaxPool": 12,
    "AveragePool": 11,
    "GlobalAveragePool": 1,
    "GlobalMaxPool": 1,
    "Add": 7,
    "Mul": 7,
    "Concat": 11,
    "Flatten": 11,
    "Dropout": 12,
    "Identity": 1,
}


def skip_folding(proto: onnx.ModelProto) -> onnx.ModelProto | None:
    """The model in the canonical opset with the shape of every value; None where it is not plain, or not sound."""
    opset = protos.opset(proto) or 0
    if proto.functions or any(
        not protos.is_op(node) or PLAIN.get(node.op_type, opset + 1) > opset for node in proto.graph.node
    ):
        return None
    carried = onnx.ModelProto.FromString(proto.SerializeToString())
    for item in carried.opset_import:
        if item.domain in protos.STANDARD:
            item.version = max(opset, canonical_opset(proto))
    try:
        inferred = onnx.shape_inference.infer_shapes(carried, check_type=True, strict_mode=True)
        onnx.checker.check_model(inferred)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError):
        return None
    known = {value.name for value in [*inferred.graph.value_info, *inferred.graph.output] if _is_static(value)}
    if not all(name in known for node in inferred.graph.node for name in node.output if name):
        return None
    return inferred


def _is_static(value: onnx.ValueInfoProto) -> bool:
    shape = value.type.tensor_type.shape
    return value.type.tensor_type.HasField("shape") and all(dim.HasField("dim_value") for dim in shape.dim)
