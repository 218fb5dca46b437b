"""Does OpenCV run our Caffe files as fast as the ONNX files that they come from?

python -m benchmarks.importers FOLDER        every .onnx file in it, in OpenCV, one thread, batch 1

Both go through OpenCV's own importers into the same engine, so what differs is the network that it is given. `opencv`
is the dialect that is made for it; `portable` is the default, which does without the layers that other Caffes lack.
A network that OpenCV's ONNX importer gets wrong has a ratio, but no target: it computes something else.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.tables import Row, caffe_files, compare, present, show
from converters.errors import ToolkitError
from converters.onnx_to_caffe import convert_file
from toolkit import runners
from toolkit.benchmark.measure import Contestant, Plan
from toolkit.parity.inputs import Inputs
from toolkit.parity.parity import Subject, check
from toolkit.runners.base import Target
from toolkit.verify import UNREFUTED

DIALECTS = ("opencv", "portable")
TARGET = 1.05
VISIT = 0.4  # seconds: several runs of a large network, of which one may be undisturbed


def input_shapes(path: Path, size: int) -> dict[str, tuple[int, ...]]:
    """The inputs' shapes; a dynamic batch is 1, any other dynamic dimension `size`."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    return {
        value.name: tuple(
            dim.dim_value or (size if axis else 1) for axis, dim in enumerate(value.type.tensor_type.shape.dim)
        )
        for value in graph.input
        if value.name not in constants
    }


def rows_of(path: Path, folder: Path, plan: Plan, size: int) -> list[Row]:
    """Our files of a model in each dialect, against the model."""
    shapes = input_shapes(path, size)
    ours = []
    for dialect in DIALECTS:
        prefix = folder / f"{path.stem}-{dialect}"
        convert_file(path, prefix, dialect=dialect, input_shapes=shapes)
        ours.append(caffe_files(prefix, "opencv", dialect))
    model = Target(str(path))
    inputs = Inputs(shapes=shapes)
    proof = check(Subject("onnxruntime", model), [Subject("opencv", model)], runners.load, inputs)
    right = proof.rows[0].verdict in UNREFUTED
    if not right:
        print(f"{path.name}: OpenCV's ONNX importer gets it wrong: {'; '.join(proof.rows[0].reasons)}")
    targets = [TARGET if right else None] * len(ours)
    return compare(
        path.stem, Contestant("onnx", "opencv", model), ours, targets, Plan(plan.rounds, VISIT, shapes=shapes)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--size", type=int, default=224, help="of dynamic dimensions; default 224")
    given = parser.parse_args()
    if not present(("opencv",)):
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for path in sorted(given.folder.glob("*.onnx")):
            try:
                rows += rows_of(path, Path(folder), Plan(given.rounds), given.size)
            except (ToolkitError, RuntimeError) as error:
                print(f"{path.name} is left out: {error}")
    show("OpenCV: our Caffe files, against the ONNX files", "onnx", rows)


if __name__ == "__main__":
    main()
