"""How do time and memory of a conversion grow with the number of nodes?

python -m benchmarks.growth [--nodes 1000 10000 100000] [--against CHECKOUT] [--rounds N]

Two networks: a chain of Relu and Sigmoid, and blocks of Conv, Relu and Add with a branch around each. Whole processes
of `toolkit onnx-to-caffe --no-verify`; with --against the sources of another checkout take turns with these.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.processes import alternate
from toolkit.cli.output import print_table

SHAPE = (1, 4, 8, 8)
HERE = Path(__file__).resolve().parents[1]


def chain(count: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """One activation behind the other, so that nothing can be merged."""
    names = ["x", *(f"v{number}" for number in range(count))]
    kinds = ("Relu", "Sigmoid")
    return [helper.make_node(kinds[at % 2], [names[at]], [names[at + 1]]) for at in range(count)], []


def blocks(count: int) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """A third of the nodes are convolutions, each with weights of its own."""
    nodes, weights, last = [], [], "x"
    rng = np.random.default_rng(0)
    for at in range(count // 3):
        conv, relu, add = (f"v{at}{letter}" for letter in "cra")
        weight = rng.normal(0, 0.1, (4, 4, 3, 3)).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{at}"))
        nodes.append(helper.make_node("Conv", [last, f"w{at}"], [conv], pads=[1, 1, 1, 1]))
        nodes.append(helper.make_node("Relu", [conv], [relu]))
        nodes.append(helper.make_node("Add", [relu, last], [add]))
        last = add
    return nodes, weights


NETWORKS = {"chain": chain, "blocks": blocks}


def write(folder: Path, network: str, count: int) -> Path:
    """Make a network of that many nodes."""
    nodes, weights = NETWORKS[network](count)
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)
    y = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, SHAPE)
    path = folder / f"{network}{count}.onnx"
    graph = helper.make_graph(nodes, network, [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def command(sources: Path, path: Path, target: Path) -> list[str]:
    """The conversion by the sources of a checkout."""
    code = f"import sys; sys.path.insert(0, {str(sources)!r}); from toolkit.cli import main; main.main(sys.argv[1:])"
    return [sys.executable, "-c", code, "onnx-to-caffe", str(path), "-o", str(target), "--no-verify"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 10000, 100000])
    parser.add_argument("--against", type=Path, help="another checkout")
    parser.add_argument("--rounds", type=int, default=1)
    given = parser.parse_args()
    sources = {"these": HERE, **({"others": given.against.resolve()} if given.against else {})}
    rows = []
    with tempfile.TemporaryDirectory() as name:
        for network in NETWORKS:
            for count in given.nodes:
                path = write(Path(name), network, count)
                commands = {who: command(folder, path, Path(name, "net")) for who, folder in sources.items()}
                for who, found in alternate(commands, given.rounds).items():
                    cells = (min(one.wall for one in found), min(one.cpu for one in found))
                    memory = max(one.memory for one in found) / 1e6
                    rows.append([network, str(count), who, *(f"{cell:.2f}" for cell in cells), f"{memory:.0f}"])
    print_table(["network", "nodes", "sources", "wall s", "CPU s", "MB"], rows, "Growth, whole processes")


if __name__ == "__main__":
    main()
