"""The `toolkit` command: a table of commands, each imported when it is used and not before."""

from __future__ import annotations

from toolkit.cli.group import Entry, LazyGroup

# The help stands here and in the command: so `toolkit --help` imports none of them. A test keeps both equal.
COMMANDS = {
    "benchmark": Entry("toolkit.cli.benchmark:benchmark", "Measure how fast models run, in any engine, side by side."),
    "check": Entry("toolkit.cli.check:check", "Export, convert and compare everything that a parity.toml lists."),
    "convert": Entry(
        "toolkit.cli.convert:convert", "Export a PyTorch model, convert it to Caffe, and compare every engine."
    ),
    "export-onnx": Entry("toolkit.cli.export_onnx:export_onnx", "Export a PyTorch model to ONNX."),
    "onnx-to-caffe": Entry(
        "toolkit.cli.onnx_to_caffe:onnx_to_caffe", "Convert an ONNX file to a .prototxt and a .caffemodel."
    ),
    "caffe-to-onnx": Entry(
        "toolkit.cli.caffe_to_onnx:caffe_to_onnx", "Convert a .prototxt and a .caffemodel to an ONNX file."
    ),
    "inspect": Entry(
        "toolkit.cli.inspect:inspect", "Say what converts and what blocks, node by node, before converting."
    ),
    "pack-dataset": Entry(
        "toolkit.cli.pack_dataset:pack_dataset", "Pack a folder of labelled images into an LMDB data set."
    ),
    "engines": Entry(
        "toolkit.cli.engines:engines", "List the engines that can run models, how to get them, and get some."
    ),
    "train": Entry("toolkit.cli.train:train", "Train a network on a data set."),
    "calibration-set": Entry(
        "toolkit.cli.calibration_set:calibration_set", "Write images and raw arrays for a chip's quantiser."
    ),
    "evaluate": Entry("toolkit.cli.evaluate:evaluate", "Score networks on a data set, in any engine, side by side."),
    "parity": Entry("toolkit.cli.parity:parity", "Compare what engines compute with what a reference computes."),
}

main = LazyGroup(
    name="toolkit",
    entries=COMMANDS,
    help="PyTorch to ONNX to Caffe and back: exact or refused, and proven against onnxruntime.",
    epilog="Exit codes: 0 done, 1 parity failed, 2 usage, 3 the model can't be converted, 4 the input file is broken.",
)
