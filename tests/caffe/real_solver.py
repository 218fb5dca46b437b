"""A script: train a *.train_val.prototxt in real Caffe for some steps and print the loss of each, one a line.

usage: real_solver.py ENGINE TRAIN_VAL SOLVER IMAGES.npz STEPS LR [WEIGHTS]

ENGINE is the folder of _caffe.so. Our build leaves out the layers that open files which a prototxt names, so the
training data layer becomes MemoryData of the same batch; what it would do to the bytes (scale, crop) is done here.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from google.protobuf import text_format

from converters.caffe.schema import message


def in_memory(source: Path, target: Path) -> tuple[int, int, float]:
    """The network with MemoryData and without what only tests need; batch, size and scale of its data layer."""
    net = text_format.Parse(source.read_text(), message("NetParameter")())
    data = net.layer[0]
    batch, size = data.data_param.batch_size, data.transform_param.crop_size
    kept = [layer for layer in net.layer if not any(rule.phase == 1 for rule in layer.include)]
    scale = data.transform_param.scale
    made = message("NetParameter")(name=net.name, layer=kept)
    made.layer[0].ClearField("transform_param")
    made.layer[0].ClearField("data_param")
    made.layer[0].type = "MemoryData"
    made.layer[0].memory_data_param.batch_size = batch
    made.layer[0].memory_data_param.channels = 3
    made.layer[0].memory_data_param.height = made.layer[0].memory_data_param.width = size
    target.write_text(text_format.MessageToString(made))
    return batch, size, scale


def main(engine: str, network: str, solver: str, images: str, steps: int, rate: float, weights: str = "") -> None:
    """Print the losses."""
    sys.path.insert(0, engine)
    import _caffe

    folder = Path(images).parent
    batch, size, scale = in_memory(Path(network), folder / "memory.prototxt")
    settings = text_format.Parse(Path(solver).read_text(), message("SolverParameter")())
    settings.net, settings.solver_mode, settings.iter_size = str(folder / "memory.prototxt"), 0, 1
    settings.base_lr, settings.snapshot, settings.test_interval, settings.display = rate, 0, 0, 0
    del settings.test_iter[:]
    (folder / "solver.prototxt").write_text(text_format.MessageToString(settings))
    stored = np.load(images)
    cut = (stored["pixels"].shape[2] - size) // 2
    pixels = stored["pixels"][:, :, cut : cut + size, cut : cut + size].astype(np.float32) * scale
    count = len(pixels) // batch * batch
    made = _caffe.get_solver(str(folder / "solver.prototxt"))
    if weights:
        made.net.copy_from(weights)
    labels = stored["labels"].astype(np.float32).reshape(-1, 1, 1, 1)
    feed = np.ascontiguousarray(pixels[:count]), np.ascontiguousarray(labels[:count])
    made.net._set_input_arrays(*feed)
    loss = list(made.net._blob_names).index("loss")
    for _ in range(steps):
        made.step(1)
        sys.stdout.write(f"{float(np.array(made.net._blobs[loss].data).ravel()[0])}\n")


if __name__ == "__main__":
    main(*sys.argv[1:5], int(sys.argv[5]), float(sys.argv[6]), *sys.argv[7:])
