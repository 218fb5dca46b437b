"""What the precision of a file itself costs: its numbers against those of the float32 network that it stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from converters.errors import ToolkitError
from toolkit.onnx_file import OWN, PRECISION, reduced
from toolkit.parity.layer_report import finite
from toolkit.parity.run import Run
from toolkit.parity.sensitivity import moved
from toolkit.runners.base import Load, Target


@dataclass(frozen=True)
class Cost:
    """How far each output is off, of its largest value, the worst sample counting; or why that is not known.

    `kind` says of what, in words.
    """

    kind: str
    outputs: Mapping[str, float] = field(default_factory=dict)
    unknown: str = ""

    @property
    def sentence(self) -> str:
        """The worst output, for people."""
        if self.unknown:
            return f"{self.kind} itself: not measured ({self.unknown})"
        return f"{self.kind} itself: {max(self.outputs.values(), default=0.0):.1e} of max|ref| in onnxruntime"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        outputs = {name: finite(value) for name, value in self.outputs.items()}
        return {"kind": self.kind, "outputs": outputs, "unknown": self.unknown, "sentence": self.sentence}


def cost_of(target: Target | Run, runtime: str, oracle: Run, load: Load) -> Cost | None:
    """Run the file as it is on the inputs of the float32 run of it; None for a file that is of float32."""
    kind = reduced(Path(oracle.model))
    if not kind or isinstance(target, Run):
        return None
    own = replace(target, options={**target.options, PRECISION: OWN}, outputs=tuple(oracle.outputs[0]))
    try:
        with load(runtime, own) as runner:
            found = [dict(runner.run(sample)) for sample in oracle.inputs]
    except ToolkitError as error:
        return Cost(kind, unknown=str(error))
    if any(array.dtype.kind != "f" for sample in found for array in sample.values()):
        return Cost(kind, unknown="its outputs are integers")
    return Cost(
        kind,
        {
            name: max(moved(ours[name], theirs[name]) for ours, theirs in zip(oracle.outputs, found, strict=True))
            for name in oracle.outputs[0]
        },
    )
