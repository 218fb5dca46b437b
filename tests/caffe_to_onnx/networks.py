"""Networks as people have them, written from their public descriptions, at sizes that run in a moment."""

from __future__ import annotations

from collections.abc import Sequence


def layer(kind: str, name: str, bottoms: str, tops: str = "", param: str = "") -> str:
    """A layer as a deploy file has it; its top has its name unless told otherwise."""
    wires = "".join(f' bottom: "{one}"' for one in bottoms.split())
    wires += "".join(f' top: "{one}"' for one in (tops or name).split())
    return f'layer {{ name: "{name}" type: "{kind}"{wires} {param} }}\n'


def conv(name: str, x: str, outputs: int, kernel: int, more: str = "") -> str:
    return layer(
        "Convolution", name, x, "", f"convolution_param {{ num_output: {outputs} kernel_size: {kernel} {more} }}"
    )


def relu(name: str, x: str) -> str:
    return layer("ReLU", name, x, x)


def pool(name: str, x: str, method: str, kernel: int, stride: int, more: str = "") -> str:
    param = f"pooling_param {{ pool: {method} kernel_size: {kernel} stride: {stride} {more} }}"
    return layer("Pooling", name, x, "", param)


def dense(name: str, x: str, outputs: int) -> str:
    return layer("InnerProduct", name, x, "", f"inner_product_param {{ num_output: {outputs} }}")


def lrn(name: str, x: str) -> str:
    return layer("LRN", name, x, "", "lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def data(*sizes: int, name: str = "data") -> str:
    return f'input: "{name}"\n' + "".join(f"input_dim: {size}\n" for size in sizes)


def norm(name: str, x: str) -> str:
    """BatchNorm and Scale in place, as ResNet and DenseNet have them."""
    return layer("BatchNorm", f"{name}_bn", x, x) + layer(
        "Scale", f"{name}_scale", x, x, "scale_param { bias_term: true }"
    )


def inception(name: str, x: str, sizes: Sequence[int]) -> str:
    a, b0, b1, c0, c1, d = sizes
    parts = [
        conv(f"{name}/1x1", x, a, 1) + relu(f"{name}/relu_1x1", f"{name}/1x1"),
        conv(f"{name}/3x3_reduce", x, b0, 1) + relu(f"{name}/relu_3x3_reduce", f"{name}/3x3_reduce"),
        conv(f"{name}/3x3", f"{name}/3x3_reduce", b1, 3, "pad: 1") + relu(f"{name}/relu_3x3", f"{name}/3x3"),
        conv(f"{name}/5x5_reduce", x, c0, 1) + relu(f"{name}/relu_5x5_reduce", f"{name}/5x5_reduce"),
        conv(f"{name}/5x5", f"{name}/5x5_reduce", c1, 5, "pad: 2") + relu(f"{name}/relu_5x5", f"{name}/5x5"),
        pool(f"{name}/pool", x, "MAX", 3, 1, "pad: 1"),
        conv(f"{name}/pool_proj", f"{name}/pool", d, 1) + relu(f"{name}/relu_pool_proj", f"{name}/pool_proj"),
    ]
    joined = " ".join(f"{name}/{part}" for part in ("1x1", "3x3", "5x5", "pool_proj"))
    return "".join(parts) + layer("Concat", f"{name}/output", joined)


LENET = (
    data(2, 1, 28, 28)
    + conv("conv1", "data", 20, 5)
    + pool("pool1", "conv1", "MAX", 2, 2)
    + conv("conv2", "pool1", 50, 5)
    + pool("pool2", "conv2", "MAX", 2, 2)
    + dense("ip1", "pool2", 100)
    + relu("relu1", "ip1")
    + dense("ip2", "ip1", 10)
    + layer("Softmax", "prob", "ip2")
)
CAFFENET = (
    data(1, 3, 67, 67)
    + conv("conv1", "data", 24, 11, "stride: 4")
    + relu("relu1", "conv1")
    + pool("pool1", "conv1", "MAX", 3, 2)
    + lrn("norm1", "pool1")
    + conv("conv2", "norm1", 32, 5, "pad: 2 group: 2")
    + relu("relu2", "conv2")
    + pool("pool2", "conv2", "MAX", 3, 2)
    + lrn("norm2", "pool2")
    + conv("conv3", "norm2", 24, 3, "pad: 1 group: 2")
    + relu("relu3", "conv3")
    + dense("fc6", "conv3", 40)
    + relu("relu6", "fc6")
    + layer("Dropout", "drop6", "fc6", "fc6", "dropout_param { dropout_ratio: 0.5 }")
    + dense("fc8", "fc6", 10)
    + layer("Softmax", "prob", "fc8")
)
GOOGLENET = (
    data(1, 3, 64, 64)
    + conv("conv1/7x7_s2", "data", 16, 7, "pad: 3 stride: 2")
    + relu("conv1/relu_7x7", "conv1/7x7_s2")
    + pool("pool1/3x3_s2", "conv1/7x7_s2", "MAX", 3, 2)
    + lrn("pool1/norm1", "pool1/3x3_s2")
    + inception("inception_3a", "pool1/norm1", (8, 8, 12, 4, 6, 6))
    + pool("pool3/3x3_s2", "inception_3a/output", "MAX", 3, 2)
    + inception("inception_4a", "pool3/3x3_s2", (10, 8, 12, 4, 6, 8))
    + pool("pool5/7x7_s1", "inception_4a/output", "AVE", 8, 1)
    + layer("Dropout", "pool5/drop", "pool5/7x7_s1", "pool5/7x7_s1", "dropout_param { dropout_ratio: 0.4 }")
    + dense("loss3/classifier", "pool5/7x7_s1", 10)
    + layer("Softmax", "prob", "loss3/classifier")
)
RESNET = (
    data(1, 3, 32, 32)
    + conv("conv1", "data", 8, 3, "pad: 1 bias_term: false")
    + norm("conv1", "conv1")
    + relu("conv1_relu", "conv1")
    + conv("res2a_2a", "conv1", 8, 3, "pad: 1 bias_term: false")
    + norm("res2a_2a", "res2a_2a")
    + layer("Eltwise", "res2a", "conv1 res2a_2a")
    + relu("res2a_relu", "res2a")
    + layer("Pooling", "se_pool", "res2a", "", "pooling_param { pool: AVE global_pooling: true }")
    + dense("se_fc", "se_pool", 8)
    + layer("Sigmoid", "se_gate", "se_fc", "se_fc")
    + layer("Scale", "se", "res2a se_fc", "", "scale_param { axis: 0 }")
    + dense("fc", "se", 10)
)
FCN = (
    data(1, 3, 24, 28)
    + conv("conv1_1", "data", 8, 3, "pad: 10")
    + relu("relu1_1", "conv1_1")
    + pool("pool1", "conv1_1", "MAX", 2, 2)
    + conv("score_pool1", "pool1", 4, 1)
    + pool("pool2", "pool1", "MAX", 2, 2)
    + conv("score_fr", "pool2", 4, 1)
    + layer("Deconvolution", "upscore2", "score_fr", "", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 }")
    + layer("Crop", "upscore2c", "upscore2 score_pool1", "", "crop_param { axis: 2 offset: 1 }")
    + layer("Eltwise", "fuse", "upscore2c score_pool1", "", "eltwise_param { operation: SUM }")
    + layer("Deconvolution", "upscore", "fuse", "", "convolution_param { num_output: 4 kernel_size: 4 stride: 2 }")
    + layer("Crop", "score", "upscore data", "", "crop_param { axis: 2 offset: 9 }")
)
SSD_HEAD = (
    data(1, 3, 32, 32)
    + conv("conv4_3", "data", 8, 3, "pad: 1 stride: 4")
    + layer("Normalize", "conv4_3_norm", "conv4_3", "", "norm_param { across_spatial: false channel_shared: false }")
    + conv("loc", "conv4_3_norm", 12, 3, "pad: 1")
    + layer("Permute", "loc_perm", "loc", "", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
    + layer("Flatten", "loc_flat", "loc_perm", "", "flatten_param { axis: 1 }")
    + conv("conf", "conv4_3_norm", 9, 3, "pad: 1")
    + layer("Permute", "conf_perm", "conf", "", "permute_param { order: 0 order: 2 order: 3 order: 1 }")
    + layer("Flatten", "conf_flat", "conf_perm", "", "flatten_param { axis: 1 }")
    + layer("Reshape", "conf_reshape", "conf_flat", "", "reshape_param { shape { dim: 0 dim: -1 dim: 3 } }")
    + layer("Softmax", "conf_softmax", "conf_reshape", "", "softmax_param { axis: 2 }")
    + layer("Flatten", "conf_softmax_flat", "conf_softmax", "", "flatten_param { axis: 1 }")
)
CHAR_LSTM = (
    'input: "data" input: "cont" input_shape { dim: 6 dim: 2 } input_shape { dim: 6 dim: 2 }\n'
    + layer("Embed", "embedding", "data", "", "embed_param { num_output: 8 input_dim: 12 bias_term: false }")
    + layer("LSTM", "lstm1", "embedding cont", "", "recurrent_param { num_output: 10 }")
    + layer("LSTM", "lstm2", "lstm1 cont", "", "recurrent_param { num_output: 10 }")
    + layer("InnerProduct", "predict", "lstm2", "", "inner_product_param { num_output: 12 axis: 2 }")
    + layer("Softmax", "prob", "predict", "", "softmax_param { axis: 2 }")
)
V1 = (
    data(1, 3, 14, 14)
    + """
layers { name: "conv1" type: CONVOLUTION bottom: "data" top: "conv1" blobs_lr: 1 blobs_lr: 2 weight_decay: 1
         convolution_param { num_output: 6 kernel_size: 3 group: 3 } }
layers { name: "relu1" type: RELU bottom: "conv1" top: "conv1" }
layers { name: "pool1" type: POOLING bottom: "conv1" top: "pool1"
         pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 } }
layers { name: "both" type: CONCAT bottom: "pool1" bottom: "pool1" top: "both" concat_param { concat_dim: 1 } }
layers { name: "fc" type: INNER_PRODUCT bottom: "both" top: "fc" inner_product_param { num_output: 5 } }
layers { name: "prob" type: SOFTMAX bottom: "fc" top: "prob" }
"""
)
V0 = (
    data(1, 3, 14, 14)
    + """
layers { layer { name: "pad1" type: "padding" pad: 2 } bottom: "data" top: "pad1" }
layers { layer { name: "conv1" type: "conv" num_output: 6 kernelsize: 3 stride: 2 group: 3 } bottom: "pad1"
         top: "conv1" }
layers { layer { name: "relu1" type: "relu" } bottom: "conv1" top: "conv1" }
layers { layer { name: "pool1" type: "pool" pool: AVE kernelsize: 3 stride: 2 } bottom: "conv1" top: "pool1" }
layers { layer { name: "norm1" type: "lrn" local_size: 3 alpha: 0.1 beta: 0.75 } bottom: "pool1" top: "norm1" }
layers { layer { name: "fc" type: "innerproduct" num_output: 5 biasterm: false } bottom: "norm1" top: "fc" }
layers { layer { name: "prob" type: "softmax" } bottom: "fc" top: "prob" }
"""
)
NETWORKS = {
    "lenet": LENET,
    "caffenet": CAFFENET,
    "googlenet": GOOGLENET,
    "resnet with a gate": RESNET,
    "fcn": FCN,
    "ssd head": SSD_HEAD,
    "char-lstm": CHAR_LSTM,
    "v1": V1,
    "v0": V0,
}
