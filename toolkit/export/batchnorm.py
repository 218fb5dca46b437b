"""BatchNormalization behind a convolution -> that convolution's weights and bias, computed in double precision."""

from __future__ import annotations

import numpy as np
import onnx_ir as ir

from toolkit.export.graph import array, bypass, constant, nodes, operand, optional, set_initializer


def fold_batchnorms(model: ir.Model) -> frozenset[str]:
    """Fold where the convolution's result goes nowhere else; return the names of the convolutions' biases.

    A BatchNormalization before a convolution stays: the convolution's padding is not normalised with the image.
    """
    biases = set()
    for norm in nodes(model, "BatchNormalization"):
        conv = operand(norm, 0).producer()
        if conv is not None and _can_fold(conv, norm):
            biases.add(_scale(model, conv, *_affine(norm)))
            bypass(model, norm)
    return frozenset(biases)


def _can_fold(conv: ir.Node, norm: ir.Node) -> bool:
    result, own = conv.outputs[0], [tensor for tensor in conv.inputs[1:] if tensor is not None]
    return (
        conv.op_type in ("Conv", "ConvTranspose")
        and len(result.consumers()) == 1
        and not result.is_graph_output()
        and all(constant(tensor) is not None for tensor in (*own, *norm.inputs[1:]))
        and all(len(tensor.uses()) == 1 for tensor in own)
    )


def _affine(norm: ir.Node) -> tuple[np.ndarray, np.ndarray]:
    gamma, beta, mean, variance = (array(operand(norm, position)).astype(np.float64) for position in range(1, 5))
    scale = gamma / np.sqrt(variance + norm.attributes.get_float("epsilon", 1e-5))
    return scale, beta - mean * scale


def _scale(model: ir.Model, conv: ir.Node, scale: np.ndarray, shift: np.ndarray) -> str:
    """Scale and shift the convolution's output channels; return the name of its bias."""
    weight, bias = operand(conv, 1), optional(conv, 2)
    values = array(weight)
    kernel = [1] * (values.ndim - 2)
    if conv.op_type == "Conv":
        scaled = values * scale.reshape(-1, 1, *kernel)
    else:  # input channels first, then the output channels of each group
        groups = conv.attributes.get_int("group", 1)
        split = values.reshape(groups, values.shape[0] // groups, *values.shape[1:])
        scaled = (split * scale.reshape(groups, 1, -1, *kernel)).reshape(values.shape)
    name = str(weight.name).removesuffix("weight") + "bias" if bias is None else str(bias.name)
    moved = shift if bias is None else array(bias) * scale + shift
    conv.resize_inputs(3)
    conv.replace_input_with(1, set_initializer(model, str(weight.name), scaled.astype(values.dtype)))
    conv.replace_input_with(2, set_initializer(model, name, moved.astype(values.dtype)))
    return name
