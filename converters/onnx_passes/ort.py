"""The one file that may run onnxruntime here: it folds shape arithmetic and constant subgraphs."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
import onnx
import onnx.shape_inference

from converters.onnx_passes.apart import Crashed, apart
from converters.onnx_passes.sizes import refuse_long_ranges

if TYPE_CHECKING:  # a network without anything to fold does not need it
    import onnxruntime

T = TypeVar("T")


class FoldingFailed(Exception):
    """onnxruntime can't load the model; the message quotes its reason."""


class NoKernel(FoldingFailed):
    """onnxruntime has no kernel for the operator `op`, of the node `name`, in the type that the model gives it."""

    def __init__(self, message: str, op: str, name: str) -> None:
        super().__init__(message)
        self.op, self.name = op, name


NO_KERNEL = re.compile(r"NOT_IMPLEMENTED : Could not find an implementation for (\w+)\(\d+\) node with name '(.*)'")
# Rewrites that would lose a structure which the later passes look for, that approximate, or that are wrong: in 1.30 a
# Pad by zeros becomes a MaxPool's own pads, which are minus infinity.
DISABLED = ["ConstantSharing", "GeluFusionL1", "LayerNormFusionL1", "Pad_Fusion", "SliceConcatToSpaceToDepthFusion"]


FOLDED = 2**30  # bytes of a constant that it may make; those of weights are made later, their sizes known


def _apart(run: Callable[[], T]) -> T:
    """What onnxruntime makes in a process of its own, which is forked from one that has it imported."""
    import onnxruntime  # noqa: F401

    try:
        return apart(run, "onnxruntime")
    except Crashed as error:
        raise FoldingFailed(str(error)) from error


def _session(data: bytes, options: onnxruntime.SessionOptions) -> onnxruntime.InferenceSession:
    import onnxruntime

    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            data, options, providers=["CPUExecutionProvider"], disabled_optimizers=DISABLED
        )
    except Exception as error:  # onnxruntime's exceptions share no other base
        message = " ".join(str(error).split())
        if found := NO_KERNEL.search(message):
            raise NoKernel(message, *found.groups()) from error
        raise FoldingFailed(message) from error


def _run(
    session: onnxruntime.InferenceSession, names: list[str] | None, feeds: Mapping[str, npt.NDArray[Any]]
) -> Sequence[Any]:
    try:
        found: Sequence[Any] = session.run(names, dict(feeds))
        return found
    except Exception as error:  # as above
        raise FoldingFailed(" ".join(str(error).split())) from error


def simplify(proto: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants, drop no-ops and infer all shapes; raises FoldingFailed, or ConversionError for a long Range.

    Weights given as graph inputs are out of its reach, so nothing else is fused. Where onnxruntime finds nothing to do
    it writes the model as it was, without the shapes it knows: so onnx infers them too.
    """
    folded = onnx.ModelProto.FromString(_apart(lambda: _simplified(proto.SerializeToString())))
    refuse_long_ranges(folded)
    return onnx.shape_inference.infer_shapes(folded, data_prop=True)


def _simplified(data: bytes) -> bytes:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.add_session_config_entry("optimization.constant_folding_max_output_size_in_bytes", str(FOLDED))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "model.onnx"
        options.optimized_model_filepath = str(target)
        _session(data, options)
        return target.read_bytes()


def evaluate(proto: onnx.ModelProto, feeds: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """The outputs of a model, by name, without any optimisation; raises FoldingFailed where it does not run."""
    return _apart(lambda: _evaluated(proto, feeds))


def _evaluated(proto: onnx.ModelProto, feeds: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = _session(proto.SerializeToString(), options)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, map(np.asarray, _run(session, names, feeds)), strict=True))
