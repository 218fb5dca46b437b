"""The Caffe network as frozen data: layers in order, parameters as plain mappings, weights as array-likes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from converters.caffe.values import Values

Shape = tuple[int, ...]
Array = npt.NDArray[np.float32]


@runtime_checkable
class Weights(Protocol):
    """What a blob may be: anything with a shape that numpy can turn into an array, when the file is written."""

    @property
    def shape(self) -> Shape:
        """The shape that the numbers will have."""
        ...

    def __array__(self, *args: Any, **kwargs: Any) -> npt.NDArray[Any]: ...


@dataclass(frozen=True, eq=False)
class Lazy:
    """Weights that are computed when they are asked for, so that folding never holds two copies of a network."""

    shape: Shape
    compute: Callable[[], npt.NDArray[Any]]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        array = np.asarray(self.compute(), dtype or np.float32)
        if array.shape != self.shape:
            raise ValueError(f"lazy weights of shape {self.shape} came out as {array.shape}")
        return array


def as_float32(weights: Weights) -> Array:
    """Return the weights as a contiguous float32 array, without a copy where they are one already."""
    return np.ascontiguousarray(np.asarray(weights, np.float32)).reshape(weights.shape)


def not_finite(array: npt.NDArray[Any]) -> str:
    """What of "NaN" and "infinity" an array of numbers holds, or ''; no second array is made to find out."""
    if array.dtype.kind != "f" or not array.size:
        return ""
    lowest, highest = array.min(), array.max()  # both are NaN where there is one
    return "NaN" if np.isnan(lowest) else "" if np.isfinite(lowest) and np.isfinite(highest) else "infinity"


@dataclass(frozen=True)
class Layer:
    """One layer. `params` holds LayerParameter fields by name (`{"pooling_param": {"pool": "MAX"}}`), enums as names.

    `origin` is the ONNX value that the layer helps to compute: for messages and maps, not part of the file.
    """

    type: str
    name: str
    bottoms: tuple[str, ...] = ()
    tops: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    blobs: tuple[Weights, ...] = ()
    origin: str = ""

    @property
    def values(self) -> Values:
        """The layer's parameters by name, Caffe's defaults for what is not written."""
        return Values(self.type, self.params)


@dataclass(frozen=True)
class Net:
    """Layers in topological order. Inputs are Input layers; `outputs` are the blobs that the user asked for."""

    name: str
    layers: tuple[Layer, ...]
    outputs: tuple[str, ...] = ()

    @property
    def inputs(self) -> dict[str, Shape]:
        """Input blobs and their shapes."""
        return {
            top: tuple(shape["dim"])
            for layer in self.layers
            if layer.type == "Input"
            for top, shape in zip(layer.tops, layer.values["shape"], strict=True)
        }
