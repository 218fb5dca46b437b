"""Feed the converter with broken ONNX models: each must end in a refusal, or in files that compute the right numbers.

    python -m scripts.fuzz_models --count 100000            # or --seconds 7200, or both

Each model is a row of tests/cases or a random graph with one to three changes: attributes, wires, shapes, types,
weights, names, versions, bytes. It is converted in a worker with limits on time and memory; what converts is run in
Caffe engines and compared with onnxruntime, as `toolkit onnx-to-caffe` does. What ends in another way (an exception
that is none of ours, a hang, a lack of memory, a crash, wrong numbers) is told with the fewest changes that show it,
and kept in --keep. The same --seed and --start give the same models. Exits 1 where something was found.
"""

from __future__ import annotations

import sys

from scripts.fuzzing import command
from scripts.fuzzing.models import Models
from scripts.fuzzing.workers import Limits
from toolkit import runners

ENGINES = ("opencv", "caffe")


def main() -> int:
    """Hunt, and return 1 where something was found."""
    parser = command.parser(__doc__, Limits())
    parser.add_argument("--engine", action="append", choices=sorted(runners.available()), help="instead of all Caffes")
    options = parser.parse_args()
    missing = runners.available()
    present = tuple(name for name in options.engine or ENGINES if not missing[name])
    hunt = Models(options.seed, present)
    print(f"seed {options.seed}, {len(hunt.models)} models, engines: {', '.join(present) or 'none'}", flush=True)
    return command.run(hunt, options, "scripts.fuzz_models")


if __name__ == "__main__":
    sys.exit(main())
