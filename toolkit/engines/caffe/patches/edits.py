"""Text edits to brocolli-caffe's sources: each `find` must occur exactly once, or the build stops."""

from __future__ import annotations

from typing import NamedTuple


class Edit(NamedTuple):
    """In file `path`, the text `find` becomes `put`."""

    path: str
    find: str
    put: str


PROTO = "src/caffe/proto/caffe.proto"
POOLING = "src/caffe/layers/pooling_layer.cpp"
ELTWISE = "src/caffe/layers/eltwise_layer.cpp"
SCALE = "src/caffe/layers/scale_layer.cpp"
BATCH_NORM = "src/caffe/layers/batch_norm_layer.cpp"
DETECTION_OUTPUT = "src/caffe/layers/detection_output_layer.cpp"
IO = "src/caffe/util/io.cpp"
NET = "src/caffe/net.cpp"

ADDED = ("Clip", "Swish", "ShuffleChannel", "round_mode")

NEW_LAYERS = (
    # 147 and 148 are BVLC's numbers, 164 is the one that ShuffleNet's Caffe ports agree on.
    Edit(
        PROTO,
        "  optional PixelShuffleParameter pixelshuffle_param = 507;\n",
        "  optional PixelShuffleParameter pixelshuffle_param = 507;\n"
        "  optional SwishParameter swish_param = 147;\n"
        "  optional ClipParameter clip_param = 148;\n"
        "  optional ShuffleChannelParameter shuffle_channel_param = 164;\n",
    ),
    Edit(
        PROTO,
        "message PoolingParameter {\n",
        "message SwishParameter { optional float beta = 1 [default = 1]; }\n"
        "message ClipParameter { required float min = 1; required float max = 2; }\n"
        "message ShuffleChannelParameter { optional uint32 group = 1 [default = 1]; }\n\n"
        "message PoolingParameter {\n"
        "  enum RoundMode { CEIL = 0; FLOOR = 1; }\n"
        # BVLC's own number, 13, is ceil_mode here. Prototxt goes by name, and a caffemodel is read for its blobs alone.
        "  optional RoundMode round_mode = 1013 [default = CEIL];\n",
    ),
    Edit(
        POOLING,
        "  ceil_mode_ = pool_param.ceil_mode();\n",
        "  ceil_mode_ = pool_param.ceil_mode() && pool_param.round_mode() == PoolingParameter_RoundMode_CEIL;\n",
    ),
)

STRICT_CHECKS = (
    Edit(
        ELTWISE,
        "  top[0]->ReshapeLike(*bottom[0]);\n  // If max operation",
        "  for (size_t i = 1; i < bottom.size(); ++i) {\n"
        '    CHECK(bottom[i]->shape() == bottom[0]->shape()) << "Eltwise bottoms differ in shape: "\n'
        '        << bottom[0]->shape_string() << " and " << bottom[i]->shape_string();\n'
        "  }\n"
        "  top[0]->ReshapeLike(*bottom[0]);\n  // If max operation",
    ),
    Edit(
        SCALE,
        "  outer_dim_ = bottom[0]->count(0, axis_);\n",
        "  for (int i = 0; i < scale->num_axes(); ++i) {\n"
        '    CHECK_EQ(bottom[0]->shape(axis_ + i), scale->shape(i)) << "Scale factors of shape "\n'
        '        << scale->shape_string() << " do not fit axis " << axis_ << " of " << bottom[0]->shape_string();\n'
        "  }\n"
        "  outer_dim_ = bottom[0]->count(0, axis_);\n",
    ),
    # BVLC learns no statistics by gradient: a BatchNorm whose prototxt asks for that is refused, and what it leaves
    # unsaid means zero.
    Edit(
        BATCH_NORM,
        "                this->blobs_[i]->mutable_cpu_data());\n    }\n  }\n}\n",
        "                this->blobs_[i]->mutable_cpu_data());\n    }\n  }\n"
        "  for (int i = 0; i < this->layer_param_.param_size(); ++i) {\n"
        '    CHECK_EQ(this->layer_param_.param(i).lr_mult(), 0.f) << "BatchNorm statistics need lr_mult: 0";\n'
        "  }\n"
        "  while (this->layer_param_.param_size() < this->blobs_.size()) {\n"
        "    this->layer_param_.add_param()->set_lr_mult(0.f);\n"
        "  }\n"
        "}\n",
    ),
)

REPAIRS = (
    # The test driver's header, and Google Test behind it, have no use here.
    Edit(NET, '#include "caffe/test/test_caffe_main.hpp"\n', ""),
    # A Scale with bias holds a Bias layer, which took the first blob given in the prototxt, the factors, for its own;
    # and where both blobs were given, a third was appended.
    Edit(
        SCALE,
        "    LayerParameter layer_param(this->layer_param_);\n",
        "    LayerParameter layer_param(this->layer_param_);\n    layer_param.clear_blobs();\n",
    ),
    Edit(
        SCALE,
        "    bias_param_id_ = this->blobs_.size();\n"
        "    this->blobs_.resize(bias_param_id_ + 1);\n"
        "    this->blobs_[bias_param_id_] = bias_layer_->blobs()[0];\n",
        "    bias_param_id_ = bottom.size() == 1 ? 1 : 0;\n"
        "    if (this->blobs_.size() > bias_param_id_) {\n"
        "      bias_layer_->blobs()[0] = this->blobs_[bias_param_id_];\n"
        "    } else {\n"
        "      this->blobs_.push_back(bias_layer_->blobs()[0]);\n"
        "    }\n",
    ),
    # BVLC reads up to protobuf's own limit; brocolli stopped at 512 MiB.
    Edit(
        IO,
        "new FileInputStream(fd);\n"
        "  CodedInputStream* coded_input = new CodedInputStream(raw_input);\n"
        "  coded_input->SetTotalBytesLimit(536870912);\n",
        "new FileInputStream(fd);\n"
        "  CodedInputStream* coded_input = new CodedInputStream(raw_input);\n"
        "  coded_input->SetTotalBytesLimit(INT_MAX);\n",
    ),
    # A prototxt may name a directory here, which the layer would then delete with all that it holds.
    Edit(
        DETECTION_OUTPUT,
        "  output_directory_ = save_output_param.output_directory();\n",
        "  output_directory_ = save_output_param.output_directory();\n"
        '  CHECK(output_directory_.empty()) << "save_output_param is not available in this build.";\n',
    ),
)

EDITS = (*NEW_LAYERS, *STRICT_CHECKS, *REPAIRS)

# Layers that read or write whatever file a prototxt names: a model under test has no business with them.
LEFT_OUT = (
    "src/caffe/layers/annotated_data_layer.cpp",
    "src/caffe/layers/data_layer.cpp",
    "src/caffe/layers/hdf5_data_layer.cpp",
    "src/caffe/layers/hdf5_output_layer.cpp",
    "src/caffe/layers/image_data_layer.cpp",
    "src/caffe/layers/video_data_layer.cpp",
    "src/caffe/layers/window_data_layer.cpp",
)
