"""Damaged ONNX models -> how the converter ends, and whether what it writes computes what onnxruntime computes."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
import onnx.printer

from converters.dialects import DIALECTS
from converters.errors import InvalidInput
from converters.mapping import ConversionMap
from converters.onnx_to_caffe import convert_file
from scripts.fuzzing import corpus, damage, mutations
from scripts.fuzzing.workers import CONVERTING, REFERENCE, End, Limits, Say, ends
from tests import engines
from toolkit import runners
from toolkit.parity import float64
from toolkit.parity.compare import compare, without_added_axes
from toolkit.parity.inputs import Feeds, Inputs, make
from toolkit.runners.base import ORACLE, Arrays, Runner, RunnerError, Target, traits_of
from toolkit.verify import UNREFUTED, verify

PATIENCE = {"timeout": "6"}  # seconds for each of an engine's runs: a verification has several
SLOW = "no answer within"  # as a runner says it
RANGE = (-2.0, 2.0)


@dataclass(frozen=True)
class Step:
    """One change: its name, and the seed of its random numbers."""

    name: str
    seed: int


@dataclass(frozen=True)
class Mutant:
    """A model of the corpus, what is done to it, and the dialect to convert it to."""

    base: str
    steps: tuple[Step, ...]
    dialect: str

    def __str__(self) -> str:
        return f"{self.base} in {self.dialect}: {', '.join(step.name for step in self.steps)}"


CHANGES = {change.__name__: change for change in mutations.ALL}
DAMAGE = {kind.__name__: kind for kind in damage.ALL}


@dataclass(frozen=True)
class Models:
    """Mutants by their number. `engines` run what converts."""

    seed: int
    engines: tuple[str, ...]

    @cached_property
    def models(self) -> Mapping[str, bytes]:
        return corpus.models(self.seed)

    @cached_property
    def names(self) -> list[str]:
        return list(self.models)

    def mutant(self, number: int) -> Mutant:
        """Which model is damaged how."""
        rng = random.Random(f"{self.seed} {number}")
        steps = [Step(rng.choice(mutations.ALL).__name__, rng.getrandbits(32)) for _ in range(rng.choice((1, 1, 2, 3)))]
        if rng.random() < 0.1:
            steps = [Step(rng.choice(damage.ALL).__name__, rng.getrandbits(32))]
        dialect = "portable" if rng.random() < 0.5 else rng.choice(sorted(DIALECTS))
        return Mutant(rng.choice(self.names), tuple(steps), dialect)

    def content(self, mutant: Mutant) -> bytes:
        """The file of a mutant."""
        content = self.models[mutant.base]
        for step in mutant.steps:
            rng = random.Random(step.seed)
            other = self.models[rng.choice(self.names)]
            if step.name in DAMAGE:
                content = DAMAGE[step.name](rng, content, other)
            else:
                model = onnx.ModelProto.FromString(content)
                CHANGES[step.name](rng, model, onnx.ModelProto.FromString(other))
                content = model.SerializeToString()
        return content

    def judge(self, number: int, folder: Path, say: Say) -> End:
        """Convert a mutant, and run what came of it."""
        return self._judged(self.mutant(number), folder, say)

    def report(self, number: int, end: End, limits: Limits, keep: Path) -> str:
        """Keep the model, with as few of its changes as show the finding."""
        mutant = self._smallest(self.mutant(number), end, limits)
        content = self.content(mutant)
        (keep / f"{number}.onnx").write_bytes(content)
        return f"{mutant}\n{end.detail}\n{_printed(content)}"

    def _smallest(self, mutant: Mutant, end: End, limits: Limits) -> Mutant:
        for step in mutant.steps if len(mutant.steps) > 1 else ():
            fewer = replace(mutant, steps=tuple(other for other in mutant.steps if other != step))
            ((_, again),) = ends(lambda _, folder, say, fewer=fewer: self._judged(fewer, folder, say), range(1), limits)
            if again.sort == end.sort:
                mutant = fewer
        return mutant

    def _judged(self, mutant: Mutant, folder: Path, say: Say) -> End:
        say("mutating")
        content = self.content(mutant)
        path = folder / "net.onnx"
        path.unlink(missing_ok=True)  # the one before is still mapped
        path.write_bytes(content)
        say(CONVERTING)
        conversion = convert_file(path, folder / "net", dialect=mutant.dialect)
        runs = [name for name in DIALECTS[mutant.dialect].engines if name in self.engines]
        return self._compared(path, conversion, runs, say) if runs else End("converted, no engine")

    def _compared(self, path: Path, conversion: ConversionMap, runs: list[str], say: Say) -> End:
        say(REFERENCE)
        try:
            with runners.load(ORACLE, Target(str(path), outputs=tuple(conversion.outputs))) as oracle:
                ranges = {name: (RANGE,) for name in oracle.inputs if name not in oracle.dtypes}
                inputs = Inputs(shapes=conversion.input_shapes, ranges=ranges)
                samples = make(inputs, oracle.inputs, oracle.dtypes)
                want = [oracle.run(sample) for sample in samples]
        except (RunnerError, InvalidInput) as error:
            return End("converted, onnxruntime refuses", str(error))
        if not all(np.isfinite(array).all() for sample in want for array in sample.values() if array.dtype.kind == "f"):
            return End("converted, no finite reference")
        doubts = []
        for name in runs:
            say(name)
            if not all(_agree(name, conversion, *pair) for pair in zip(samples, want, strict=True)):
                doubts.append(name)
        for name in doubts:
            say("verifying")
            files = Path(conversion.prototxt), Path(conversion.caffemodel)
            report = verify(conversion, *files, (name,), _load, inputs)
            if report.verdict not in UNREFUTED:
                if not _is_finite(path, samples):
                    return End("converted, infinite inside")
                reasons = "; ".join(reason for row in report.rows for reason in row.reasons)
                if SLOW in reasons:
                    return End("converted, an engine is slow", reasons)
                return End(f"{name}: {report.verdict.value}", reasons, bad=True)
        return End("compared, ill-conditioned" if doubts else "compared, equal")


def _agree(engine: str, conversion: ConversionMap, feeds: Feeds, want: Arrays) -> bool:
    """Whether an engine has the reference's outputs; where it says nothing, it has not."""
    blobs = tuple(conversion.outputs.values())
    target = Target(conversion.prototxt, Path(conversion.caffemodel), blobs, options=PATIENCE)
    try:
        found = engines.run_target(engine, target, {blob: feeds[name] for name, blob in conversion.inputs.items()})
    except RunnerError:
        return False
    fewest = traits_of(engine).fewest_axes
    got = {name: without_added_axes(want[name], found[blob], fewest) for name, blob in conversion.outputs.items()}
    return bool(compare(want, got))


def _load(name: str, target: Target) -> Runner:
    """A runner for a verification; slow with an image of 65,536 rows is no hang."""
    return runners.load(name, target if name == ORACLE else replace(target, options={**target.options, **PATIENCE}))


def _is_finite(path: Path, samples: Sequence[Feeds]) -> bool:
    """Whether the reference has finite values alone; float32 has no right answer where one overflowed on the way."""
    with runners.load(ORACLE, Target(str(path), outputs=float64.values(path))) as oracle:
        found = [array for sample in samples for array in oracle.run(sample).values() if array.dtype.kind == "f"]
    return all(np.isfinite(array).all() for array in found)


def _printed(content: bytes) -> str:
    try:
        text = onnx.printer.to_text(onnx.ModelProto.FromString(content))
    except Exception as error:  # noqa: BLE001 - broken models are the point
        return f"(not printable: {error})"
    return ascii(text[:2000]).replace("\\n", "\n").strip("'")
