"""Caffe files in onnxruntime, imported by our own converter: the Caffe end of a conversion with no Caffe installed."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import numpy as np

from converters.errors import ConversionError
from toolkit.runners.base import (
    Arrays,
    RunnerError,
    Target,
    Traits,
    installed,
    need_feeds,
    need_outputs,
    need_pair,
    runtime,
    settings,
)
from toolkit.runners.onnxruntime import GET, OnnxRuntime, missing

TRAITS = Traits("onnxruntime on imported Caffe files", resizes=(".prototxt",))


@runtime(
    "caffe-via-onnx",
    reads=(".prototxt",),
    missing=missing,
    traits=TRAITS,
    get=GET,
    version=lambda: installed("onnxruntime"),
)
class CaffeViaOnnx:
    """A prototxt and a caffemodel of any version, as converters.caffe_to_onnx reads them. Any blob may be an output.

    Inputs take the feeds' shapes. Option dialect says whose meaning of the layers counts (bvlc by default).
    """

    name = "caffe-via-onnx"

    def __init__(self, target: Target) -> None:
        self.target = target
        options = settings(target, {"dialect": (), "profile": ("off", "on")})
        self.dialect, self.profile = options["dialect"] or "bvlc", options["profile"]
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.values: Collection[str] = ()
        self.dtypes: Mapping[str, str] = {}
        self.version, self.seconds = "", 0.0
        self.layer_seconds: Mapping[str, float] = {}
        self.plain = ""

    def __enter__(self) -> CaffeViaOnnx:
        from converters.caffe import files

        self.net = files.read(*need_pair(self.target))
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="caffe-via-onnx-")))
            self.session = ExitStack()
            stack.callback(lambda: self.session.close())
            self._import({})
            self.stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stack.close()

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run once; feeds of other shapes than before mean another import, as Caffe would reshape its net."""
        need_feeds(self.name, feeds, self.inputs)
        shapes = {name: tuple(array.shape) for name, array in feeds.items()}
        if shapes != self.inputs:
            self._import(shapes)
        found = self.runner.run(feeds)
        self.seconds, self.layer_seconds = self.runner.seconds, self.runner.layer_seconds
        return {name: found[self.held[name]] for name in self.outputs}

    def _import(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Import the net for inputs of these shapes, and open it."""
        from converters.caffe_to_onnx import convert
        from converters.caffe_to_onnx.convert import blobs_of, save

        need_outputs(self.name, self.target.outputs, {top for layer in self.net.layers for top in layer.tops})
        try:
            found = convert(
                self.net,
                input_shapes=shapes,
                outputs=self.target.outputs or None,
                dialect=self.dialect,
                where=self.target.path,
            )
        except ConversionError as error:
            raise RunnerError(f"{self.name}: {error}") from error
        self.session.close()
        path = save(found.lifted.model, self.folder / "net.onnx")[-1]
        self.outputs, self.held = found.net.outputs, blobs_of(found)
        values = tuple(self.held[name] for name in self.outputs)
        target = Target(str(path), None, values, self.target.threads, {"profile": self.profile})
        self.runner = self.session.enter_context(OnnxRuntime(target))
        self.inputs, self.values, self.dtypes = self.runner.inputs, list(self.held), self.runner.dtypes
        self.version = self.runner.version.replace(",", " on the imported net,", 1)
