"""How much longer and larger an import is than reading both files and writing the weights as they are.

    python -m benchmarks.imports

ResNet-50 and VGG-16 with random weights, each in a process of its own; the best of --repeat runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

IMPORT = """
import sys
from converters.caffe_to_onnx import convert_file
convert_file(sys.argv[1], sys.argv[2], sys.argv[3])
"""
COPY = """
import sys
import numpy as np
import onnx
from google.protobuf import text_format
from onnx import helper, numpy_helper
from converters.caffe.schema import message
text_format.Parse(open(sys.argv[1]).read(), message("NetParameter")())
net = message("NetParameter").FromString(open(sys.argv[2], "rb").read())
weights = [
    numpy_helper.from_array(np.asarray(blob.data, np.float32).reshape(list(blob.shape.dim)), f"{layer.name}/{at}")
    for layer in net.layer
    for at, blob in enumerate(layer.blobs)
]
onnx.save(helper.make_model(helper.make_graph([], "weights", [], [], weights)), sys.argv[3])
"""
SCRIPTS = {"import": IMPORT, "copy": COPY}


def main() -> None:
    """Print a table of seconds and MB for each pair of files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    found = {}
    for name, make in (("resnet-50", resnet50), ("vgg-16", vgg16)):
        with tempfile.TemporaryDirectory(prefix="imports-") as folder:
            pair = write(make(), Path(folder))
            found[name] = {what: best(script, pair, Path(folder), options.repeat) for what, script in SCRIPTS.items()}
    if options.json:
        print(json.dumps(found, indent=2))
        return
    print("| pair | import | copy | time | memory |\n|---|---|---|---|---|")
    for name, rows in found.items():
        (s, m), (s0, m0) = rows["import"], rows["copy"]
        print(f"| {name} | {s:.2f} s, {m:.0f} MB | {s0:.2f} s, {m0:.0f} MB | {s / s0:.2f} x | {m / m0:.2f} x |")


def best(script: str, pair: tuple[Path, Path], folder: Path, repeat: int) -> tuple[float, float]:
    """The shortest time in seconds and the smallest peak of memory in MB."""
    runs = [measured(script, pair, folder) for _ in range(repeat)]
    return min(seconds for seconds, _ in runs), min(size for _, size in runs)


def measured(script: str, pair: tuple[Path, Path], folder: Path) -> tuple[float, float]:
    """One run in a process of its own, which tells its peak at the end."""
    peak = "\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    command = [sys.executable, "-c", script + peak, *map(str, pair), str(folder / "out.onnx")]
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return time.perf_counter() - began, int(done.stdout.split()[-1]) / 1e3


class Sketch:
    """A prototxt and its weights as they grow, layer by layer."""

    def __init__(self, size: int) -> None:
        self.text = f'input: "data" input_dim: [1, 3, {size}, {size}]\n'
        self.blobs: dict[str, list[np.ndarray]] = {}
        self.rng = np.random.default_rng(0)

    def add(self, kind: str, name: str, bottoms: str, top: str = "", param: str = "", *shapes: tuple[int, ...]) -> str:
        wires = "".join(f' bottom: "{one}"' for one in bottoms.split())
        self.text += f'layer {{ name: "{name}" type: "{kind}"{wires} top: "{top or name}" {param} }}\n'
        if shapes:
            self.blobs[name] = [self.rng.random(shape, np.float32) for shape in shapes]
        return top or name

    def conv(self, name: str, x: str, c: int, n: int, kernel: int, more: str = "", bias: bool = True) -> str:
        param = f"num_output: {n} kernel_size: {kernel} {more}{'' if bias else ' bias_term: false'}"
        shapes = [(n, c, kernel, kernel), *([(n,)] if bias else [])]
        return self.add("Convolution", name, x, "", f"convolution_param {{ {param} }}", *shapes)

    def normed(self, name: str, x: str, c: int, n: int, kernel: int, more: str = "") -> str:
        self.conv(name, x, c, n, kernel, more, bias=False)
        self.add("BatchNorm", f"bn_{name}", name, name, "", (n,), (n,), (1,))
        return self.add("Scale", f"scale_{name}", name, name, "scale_param { bias_term: true }", (n,), (n,))

    def relu(self, x: str) -> str:
        return self.add("ReLU", f"{x}_relu", x, x)

    def dense(self, name: str, x: str, k: int, n: int) -> str:
        return self.add("InnerProduct", name, x, "", f"inner_product_param {{ num_output: {n} }}", (n, k), (n,))


def resnet50() -> Sketch:
    """ResNet-50 as its authors' prototxt has it: BatchNorm and Scale in place, the stride in the first 1x1."""
    net = Sketch(224)
    net.relu(net.normed("conv1", "data", 3, 64, 7, "pad: 3 stride: 2"))
    x = net.add("Pooling", "pool1", "conv1", "", "pooling_param { kernel_size: 3 stride: 2 }")
    channels = 64
    for stage, (blocks, width) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), 2):
        for block in range(blocks):
            name = f"res{stage}{'abcdef'[block]}"
            stride = "stride: 2" if block == 0 and stage > 2 else ""
            short = net.normed(f"{name}_branch1", x, channels, 4 * width, 1, stride) if block == 0 else x
            a = net.relu(net.normed(f"{name}_branch2a", x, channels, width, 1, stride))
            b = net.relu(net.normed(f"{name}_branch2b", a, width, width, 3, "pad: 1"))
            c = net.normed(f"{name}_branch2c", b, width, 4 * width, 1)
            x = net.relu(net.add("Eltwise", name, f"{short} {c}"))
            channels = 4 * width
    net.add("Pooling", "pool5", x, "", "pooling_param { pool: AVE kernel_size: 7 stride: 1 }")
    net.dense("fc1000", "pool5", 2048, 1000)
    net.add("Softmax", "prob", "fc1000")
    return net


def vgg16() -> Sketch:
    """VGG-16."""
    net, x, c = Sketch(224), "data", 3
    for stage, (count, n) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
        for at in range(1, count + 1):
            x, c = net.relu(net.conv(f"conv{stage}_{at}", x, c, n, 3, "pad: 1")), n
        x = net.add("Pooling", f"pool{stage}", x, "", "pooling_param { kernel_size: 2 stride: 2 }")
    for name, k, n in (("fc6", 25088, 4096), ("fc7", 4096, 4096), ("fc8", 4096, 1000)):
        x = net.dense(name, x, k, n)
        x = net.relu(x) if n == 4096 else x
    net.add("Softmax", "prob", x)
    return net


def write(net: Sketch, folder: Path) -> tuple[Path, Path]:
    """The pair of files."""
    from converters.caffe import binary, text
    from converters.caffe.files import with_weights

    prototxt, caffemodel = folder / "net.prototxt", folder / "net.caffemodel"
    prototxt.write_text(net.text, encoding="utf-8")
    with caffemodel.open("wb") as file:
        binary.write(with_weights(text.read(prototxt), net.blobs), file)
    return prototxt, caffemodel


if __name__ == "__main__":
    main()
