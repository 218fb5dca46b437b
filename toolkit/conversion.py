"""One call from Python: a model, however it comes, -> ONNX and Caffe files that are proven to compute the same."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from converters.errors import ToolkitError
from converters.mapping import ConversionMap

if TYPE_CHECKING:
    import onnx
    import onnx_ir as ir
    from torch import nn

    from converters.preprocessing import Preprocessing
    from toolkit.parity.inputs import Inputs
    from toolkit.parity.report import Report


@dataclass(frozen=True)
class Conversion:
    """What `convert` wrote, and how far it is proven.

    Attributes:
        onnx: the ONNX file: the caller's own, or PREFIX.onnx.
        prototxt: the network.
        caffemodel: its weights.
        map: which Caffe blob holds which ONNX value; shapes, layers, parameters.
        report: the comparison with onnxruntime; None where nothing was run.
    """

    onnx: Path
    prototxt: Path
    caffemodel: Path
    map: ConversionMap
    report: Report | None

    @property
    def proven(self) -> bool:
        """Whether an engine has shown that the files compute what the model computes."""
        return self.report is not None and self.report.passed


def convert(
    model: str | Path | onnx.ModelProto | ir.Model | nn.Module,
    prefix: str | Path,
    *,
    dialect: str = "portable",
    style: str = "deploy",
    weights: str | Path | None = None,
    num_classes: int | None = None,
    image_size: int | None = None,
    input_shapes: Mapping[str, Sequence[int]] | None = None,
    outputs: Sequence[str] | None = None,
    keep_shuffle: bool = False,
    drop_quantisation: bool = False,
    preprocessing: Preprocessing | None = None,
    engines: Sequence[str] | None = None,
    inputs: Inputs | None = None,
    verify: bool = True,
) -> Conversion:
    """Export, convert and verify a model: PREFIX.prototxt, PREFIX.caffemodel, PREFIX.map.json, and PREFIX.onnx if new.

    Args:
        model: an .onnx file, an ONNX model in memory, a module, or a name that `toolkit.models.create` takes.
        prefix: the path of the files without suffix; folders that are missing are made.
        dialect: the Caffe to write for, or a .toml file.
        style: `deploy`, folded, or `train`, a layer for each module.
        weights: a checkpoint, for a model by name.
        num_classes: for a model by name.
        image_size: for a model by name or a module: its input is one RGB image of this height and width.
        input_shapes: of the inputs, by name.
        outputs: the values to cut the network at; the model's own outputs without it.
        keep_shuffle: keep channel shuffles as layers.
        drop_quantisation: of a quantised ONNX model, convert the float network inside it; the ranges of its blobs go
            to PREFIX.ranges.json and PREFIX.ranges.txt.
        preprocessing: what the network does itself to raw images.
        engines: the engines to verify in; without it the first one present that speaks the dialect.
        inputs: what to verify on; random numbers in [0, 1) without it.
        verify: whether to run what was written.

    Raises:
        ConversionError: the model can't be converted exactly; every blocker is listed, no Caffe file is written.
        ParityFailed: the files compute something else; they are kept as PREFIX.failed.*.
        ToolkitError: an argument is wrong, or the model can't be read or exported.
    """
    from converters.onnx_to_caffe import convert_file

    for name, value in (("outputs", outputs), ("engines", engines)):
        if isinstance(value, str):
            raise ToolkitError(f"{name} is a list of names, not a text: write ['{value}']")
    source = _onnx_file(model, Path(prefix), weights, num_classes, image_size, input_shapes)
    proofs: list[Report] = []
    done = convert_file(
        source,
        prefix,
        dialect=dialect,
        style=style,
        input_shapes=input_shapes,
        outputs=outputs,
        keep_shuffle=keep_shuffle,
        drop_quantisation=drop_quantisation,
        preprocessing=preprocessing,
        check=_checker(dialect, engines, inputs, proofs) if verify else None,
        map_file=True,
    )
    files = Path(done.prototxt), Path(done.caffemodel)
    return Conversion(source, *files, done, proofs[0] if proofs else None)


def _onnx_file(
    model: Any,
    prefix: Path,
    weights: str | Path | None,
    num_classes: int | None,
    image_size: int | None,
    shapes: Mapping[str, Sequence[int]] | None,
) -> Path:
    """The model as an ONNX file, written where it is none yet."""
    named = isinstance(model, (str, Path)) and Path(model).suffix != ".onnx"
    torch = sys.modules.get("torch")  # whoever has a module has imported it
    module = torch is not None and isinstance(model, torch.nn.Module)
    if not named and (weights is not None or num_classes is not None):
        raise ToolkitError("weights and num_classes go with a model by name; this one has its own")
    if not (named or module) and image_size is not None:
        raise ToolkitError("image_size goes with a model by name or a module; give an ONNX model input_shapes")
    if isinstance(model, (str, Path)) and not named:
        return Path(model)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    from toolkit.export import export, save

    if named:
        from toolkit.models import create

        model = create(str(model), weights=weights, num_classes=num_classes, image_size=image_size)
        module = True
    found = export(model, input_shapes=shapes, image_size=image_size, keep_bn=True) if module else _as_ir(model)
    return Path(save(found, f"{prefix}.onnx")[-1])


def _as_ir(model: Any) -> ir.Model:
    import onnx
    import onnx_ir as ir

    if isinstance(model, onnx.ModelProto):
        return ir.from_proto(model)
    if isinstance(model, ir.Model):
        return model
    known = "a path or name, an onnx.ModelProto, an onnx_ir.Model or a torch.nn.Module"
    raise ToolkitError(f"a model is {known}, not {type(model).__name__}")


def _checker(
    dialect: str, wanted: Sequence[str] | None, inputs: Inputs | None, proofs: list[Report]
) -> Callable[[Path, Path, ConversionMap], None] | None:
    """What runs the files before they get their names; None where no engine is here and none was asked for."""
    from toolkit import runners
    from toolkit.parity.inputs import Inputs
    from toolkit.verify import UNREFUTED, ParityFailed, engines, verify

    missing = runners.available()
    chosen = list(wanted) if wanted else [name for name in engines(dialect) if not missing[name]][:1]
    if not chosen:
        return None

    def check(prototxt: Path, caffemodel: Path, conversion: ConversionMap) -> None:
        given = inputs or Inputs()
        fed = replace(given, shapes={**conversion.input_shapes, **given.shapes})
        report = verify(conversion, prototxt, caffemodel, chosen, runners.load, fed)
        proofs.append(report)
        if report.verdict not in UNREFUTED:
            raise ParityFailed(report, f"the files are kept as {Path(conversion.prototxt).with_suffix('')}.failed.*")

    return check
