"""How much faster is a ShuffleNet V2 whose shuffles are in the weights than the one that Caffe is trained with?

python -m benchmarks.shuffle [WIDTH...]        in real Caffe and OpenCV, one thread, batch 1

The yardstick is style `train`: BatchNorm, Scale, ReLU and ShuffleChannel as layers of their own, as the published
prototxt has them. Ours is what `toolkit convert` writes by default. The second row of a width keeps the shuffles, and
shows what folding alone gives.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.tables import Row, caffe_files, compare, present, show
from converters.onnx_to_caffe import convert_file
from toolkit.benchmark.measure import Plan

WIDTHS = ("0.25", "0.33", "0.5", "1.0", "1.5", "2.0")
TARGETS = {"caffe": 0.75, "opencv": 1.0}


def write(width: str, folder: Path) -> dict[str, Path]:
    """The three networks of a width, by name."""
    from toolkit.export import export, save
    from toolkit.models import create

    onnx_file = str(folder / f"{width}.onnx")
    save(export(create(f"shufflenet_v2_x{width}"), keep_bn=True), onnx_file)
    found = {name: folder / f"{width}-{name}" for name in ("seed", "ours", "folded")}
    convert_file(onnx_file, found["seed"], dialect="shufflenet", style="train")
    convert_file(onnx_file, found["ours"])
    convert_file(onnx_file, found["folded"], dialect="shufflenet", keep_shuffle=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("widths", nargs="*", default=WIDTHS, help="by default all six")
    parser.add_argument("--rounds", type=int, default=30)
    given = parser.parse_args()
    rows: list[Row] = []
    engines = present(("caffe", "opencv"))
    with tempfile.TemporaryDirectory() as name:
        for width in given.widths:
            files = write(width, Path(name))
            for engine in engines:
                seed, ours, folded = (caffe_files(files[kind], engine, kind) for kind in ("seed", "ours", "folded"))
                rows += compare(f"x{width}", seed, [ours, folded], [TARGETS[engine], None], Plan(given.rounds))
    show("ShuffleNet V2: converted, against its training network", "seed", rows)


if __name__ == "__main__":
    main()
