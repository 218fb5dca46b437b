"""Take the big float weights out of a proto before it is processed, to be put back as mapped tensors after."""

from __future__ import annotations

from math import prod

import numpy as np
import onnx
import onnx_ir as ir

from converters.errors import InvalidInput
from converters.onnx import protos
from converters.onnx.source import Source, external_file

SMALL = 8  # elements; scalars and short vectors are left in: scales of a Resize, bounds of a Clip
STORED: dict[int, str] = {
    onnx.TensorProto.FLOAT: "float_data",
    onnx.TensorProto.FLOAT16: "int32_data",
    onnx.TensorProto.DOUBLE: "double_data",
    onnx.TensorProto.BFLOAT16: "int32_data",
}
FLOATS = frozenset(STORED)

Store = dict[str | None, ir.TensorProtocol]


def _external(tensor: onnx.TensorProto, source: Source) -> ir.ExternalTensor:
    location, offset, length = external_file(tensor, source.folder, source.path)
    need = _bytes(tensor, source)
    dtype = ir.DataType(tensor.data_type)
    if (need if length is None else length) != need:
        raise InvalidInput(f"{source.path}: the weights '{tensor.name}' have {length} bytes, not {need}")
    external_size = (source.folder / location).stat().st_size
    if offset + need > external_size:
        raise InvalidInput(f"{source.path}: the weights '{tensor.name}' reach past the end of '{location}'")
    return ir.ExternalTensor(
        location, offset, need, dtype, shape=ir.Shape(tensor.dims), name=tensor.name, base_dir=source.folder
    )


def _bytes(tensor: onnx.TensorProto, source: Source) -> int:
    """How many bytes a tensor's numbers take."""
    try:
        width: int = ir.DataType(tensor.data_type).bitwidth
    except (TypeError, ValueError) as error:
        kind = f"{source.path}: the weights '{tensor.name}' are of type {tensor.data_type}"
        raise InvalidInput(f"{kind}, which is none of numbers") from error
    return -(-int(prod(tensor.dims)) * width // 8)


def _checked(tensor: onnx.TensorProto, data: memoryview | None, source: Source) -> ir.TensorProtocol:
    if any(dim < 0 for dim in tensor.dims):
        raise InvalidInput(f"{source.path}: the weights '{tensor.name}' have a negative dimension")
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return _external(tensor, source)
    raw = data if data is not None else tensor.raw_data if tensor.HasField("raw_data") else None
    known = tensor.data_type in FLOATS
    if raw is not None and len(raw) != (need := _bytes(tensor, source)):
        raise InvalidInput(f"{source.path}: the weights '{tensor.name}' have {len(raw)} bytes, not {need}")
    if raw is None and known and (have := len(getattr(tensor, STORED[tensor.data_type]))) != prod(tensor.dims):
        raise InvalidInput(f"{source.path}: the weights '{tensor.name}' have {have} numbers, not {prod(tensor.dims)}")
    if data is None:
        return ir.TensorProtoTensor(tensor)
    if known:
        dtype = ir.DataType(tensor.data_type)
        numbers = np.frombuffer(data, dtype.numpy().newbyteorder("<")).reshape(tensor.dims)
        return ir.Tensor(numbers, dtype, name=tensor.name)
    whole = onnx.TensorProto(raw_data=bytes(data))
    whole.MergeFrom(tensor)
    return ir.TensorProtoTensor(whole)


def take_out(source: Source, proto: onnx.ModelProto) -> Store:
    """Make big float initialisers graph inputs of `proto` and return their tensors; small ones become initialisers.

    Old files list their initialisers as graph inputs too: an input with an initialiser is a constant.
    """
    names = {tensor.name for tensor in source.proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in names]
    del proto.graph.input[:]
    proto.graph.input.extend(inputs)
    store: Store = {}
    for number, tensor in enumerate([*source.proto.graph.initializer, *_constant_nodes(proto)]):
        kept = _checked(tensor, source.data.get(number), source)
        if tensor.data_type in FLOATS and (len(tensor.dims) > 1 or prod(tensor.dims) > SMALL):
            store[tensor.name] = kept
            protos.keep_as_input(proto.graph, tensor)
        else:
            whole = number not in source.data and tensor.data_location != onnx.TensorProto.EXTERNAL
            proto.graph.initializer.append(tensor if whole else ir.to_proto(ir.Tensor(kept.numpy(), name=tensor.name)))
    proto.ir_version = max(proto.ir_version, 8)
    return store


def _constant_nodes(proto: onnx.ModelProto) -> list[onnx.TensorProto]:
    """Take Constant nodes that hold a tensor out of the graph, and return the tensors under their outputs' names."""
    tensors = []
    kept = []
    for node in proto.graph.node:
        value = next((a.t for a in node.attribute if a.name == "value"), None) if node.op_type == "Constant" else None
        if value is None or value.data_location == onnx.TensorProto.EXTERNAL:
            kept.append(node)
            continue
        tensor = onnx.TensorProto()
        tensor.CopyFrom(value)
        tensor.name = node.output[0]
        tensors.append(tensor)
    del proto.graph.node[:]
    proto.graph.node.extend(kept)
    return tensors
