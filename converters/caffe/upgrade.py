"""Caffe's upgrade rules: files of 2013 (V0) and 2014 (V1) -> the layers of today, as real Caffe does it on loading.

V0 is a flat message inside a V1 layer, with types in lower case and padding as a layer of its own. V1 has an enum of
types and keeps names of shared weights, learning rates and decays in lists of their own.
"""

from __future__ import annotations

from typing import Any

from converters.caffe.schema import message

# Types whose names of today are not the words of the enum in capitals and small letters.
SPECIAL = {
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "IM2COL": "Im2col",
    "LRN": "LRN",
    "MVN": "MVN",
    "NONE": "",
    "RELU": "ReLU",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH",
}
V0_TYPES = {"conv": "CONVOLUTION", "pool": "POOLING", "innerproduct": "INNER_PRODUCT", "images": "IMAGE_DATA"}
CONV, POOL, DENSE, LRN = "convolution_param", "pooling_param", "inner_product_param", "lrn_param"
DATA, IMAGES, WINDOWS, HDF5 = "data_param", "image_data_param", "window_data_param", "hdf5_data_param"
TRANSFORM, DROPOUT, CONCAT = "transform_param", "dropout_param", "concat_param"
# A flat field of V0 -> for each V0 type ("" for any) the message and the field that it moves to.
V0_FIELDS: dict[str, dict[str, tuple[str, str]]] = {
    "num_output": {"conv": (CONV, "num_output"), "innerproduct": (DENSE, "num_output")},
    "biasterm": {"conv": (CONV, "bias_term"), "innerproduct": (DENSE, "bias_term")},
    "weight_filler": {"conv": (CONV, "weight_filler"), "innerproduct": (DENSE, "weight_filler")},
    "bias_filler": {"conv": (CONV, "bias_filler"), "innerproduct": (DENSE, "bias_filler")},
    "pad": {"conv": (CONV, "pad"), "pool": (POOL, "pad")},
    "kernelsize": {"conv": (CONV, "kernel_size"), "pool": (POOL, "kernel_size")},
    "group": {"conv": (CONV, "group")},
    "stride": {"conv": (CONV, "stride"), "pool": (POOL, "stride")},
    "pool": {"pool": (POOL, "pool")},
    "dropout_ratio": {"dropout": (DROPOUT, "dropout_ratio")},
    **{name: {"lrn": (LRN, name)} for name in ("local_size", "alpha", "beta", "k")},
    "source": {
        "data": (DATA, "source"),
        "hdf5_data": (HDF5, "source"),
        "images": (IMAGES, "source"),
        "window_data": (WINDOWS, "source"),
        "infogain_loss": ("infogain_loss_param", "source"),
    },
    "scale": {"": (TRANSFORM, "scale")},
    "meanfile": {"": (TRANSFORM, "mean_file")},
    "cropsize": {"": (TRANSFORM, "crop_size")},
    "mirror": {"": (TRANSFORM, "mirror")},
    "batchsize": {
        "data": (DATA, "batch_size"),
        "hdf5_data": (HDF5, "batch_size"),
        "images": (IMAGES, "batch_size"),
        "window_data": (WINDOWS, "batch_size"),
    },
    "rand_skip": {"data": (DATA, "rand_skip"), "images": (IMAGES, "rand_skip")},
    "shuffle_images": {"images": (IMAGES, "shuffle")},
    "new_height": {"images": (IMAGES, "new_height")},
    "new_width": {"images": (IMAGES, "new_width")},
    "concat_dim": {"concat": (CONCAT, "concat_dim")},
    "det_fg_threshold": {"window_data": (WINDOWS, "fg_threshold")},
    "det_bg_threshold": {"window_data": (WINDOWS, "bg_threshold")},
    "det_fg_fraction": {"window_data": (WINDOWS, "fg_fraction")},
    "det_context_pad": {"window_data": (WINDOWS, "context_pad")},
    "det_crop_mode": {"window_data": (WINDOWS, "crop_mode")},
    "hdf5_output_param": {"hdf5_output": ("hdf5_output_param", "")},
}


class BadUpgrade(Exception):
    """The file breaks a rule of its own version; the text says which."""


def upgraded(net: Any) -> list[Any]:
    """The layers of a NetParameter of any version, as LayerParameter messages; BadUpgrade where Caffe would abort."""
    if net.layers and net.layer:
        raise BadUpgrade("it has layers of two versions: 'layer' and 'layers'")
    if any(old.HasField("layer") for old in net.layers):
        return [from_v1(layer) for layer in _from_v0(net)]
    return [from_v1(old) for old in net.layers] or list(net.layer)


def from_v1(old: Any) -> Any:
    """One V1 layer as a LayerParameter."""
    new = message("LayerParameter")()
    kind = old.DESCRIPTOR.enum_types_by_name["LayerType"].values_by_number[old.type].name
    new.name, new.type = old.name, v2_type(kind)
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    for field, value in old.ListFields():
        same = new.DESCRIPTOR.fields_by_name.get(field.name)
        if same is None or field.name in ("name", "type", "bottom", "top", "param"):
            continue
        if field.is_repeated:
            getattr(new, field.name).extend(value)
        else:
            getattr(new, field.name).CopyFrom(value)
    lists = {"name": old.param, "share_mode": old.blob_share_mode, "lr_mult": old.blobs_lr}
    for target, values in {**lists, "decay_mult": old.weight_decay}.items():
        for index, value in enumerate(values):
            while len(new.param) <= index:
                new.param.add()
            setattr(new.param[index], target, value)
    return new


def v2_type(kind: str) -> str:
    """The enum of V1 -> today's type: INNER_PRODUCT -> InnerProduct."""
    return SPECIAL[kind] if kind in SPECIAL else "".join(word.capitalize() for word in kind.split("_"))


def _from_v0(net: Any) -> list[Any]:
    """V0 layers as V1 layers, padding layers gone into what reads them."""
    flat = [old.layer if old.HasField("layer") else message("V0LayerParameter")() for old in net.layers]
    source: dict[str, int] = {}  # blob -> the layer that writes it, the latest before the reader
    layers: list[Any] = []
    for index, (old, inner) in enumerate(zip(net.layers, flat, strict=True)):
        if not old.HasField("layer"):
            raise BadUpgrade(f"layer number {index} is of another version than the others")
        new = _flat_to_v1(old, inner)
        for place, bottom in enumerate(old.bottom):
            made = source.get(bottom, -1)
            if made >= 0 and flat[made].type == "padding":
                if inner.type not in ("conv", "pool"):
                    raise BadUpgrade(f"the padding layer before '{inner.name}' pads neither a conv nor a pool layer")
                _set(new, CONV if inner.type == "conv" else POOL, "pad", flat[made].pad)
                new.bottom[place] = net.layers[made].bottom[0]
        for top in old.top:
            source[top] = index
        if inner.type != "padding":
            layers.append(new)
        elif len(old.bottom) != 1 or len(old.top) != 1:
            raise BadUpgrade(f"the padding layer '{inner.name}' does not have one bottom and one top")
    return layers


def _flat_to_v1(old: Any, inner: Any) -> Any:
    new = message("V1LayerParameter")()
    new.name = inner.name
    new.bottom.extend(old.bottom)
    new.top.extend(old.top)
    kinds = new.DESCRIPTOR.enum_types_by_name["LayerType"].values_by_name
    kind = V0_TYPES.get(inner.type, inner.type.upper())
    if kind in kinds:
        new.type = kinds[kind].number
    elif inner.type != "padding":
        raise BadUpgrade(f"the layer '{inner.name}' has the unknown type '{inner.type}'")
    for field, value in inner.ListFields():
        if field.name in ("blobs", "blobs_lr", "weight_decay"):
            getattr(new, field.name).extend(value)
        elif field.name in V0_FIELDS and inner.type != "padding":
            targets = V0_FIELDS[field.name]
            if inner.type not in targets and "" not in targets:
                raise BadUpgrade(f"the layer '{inner.name}' of type '{inner.type}' can't have a field '{field.name}'")
            _set(new, *targets.get(inner.type, targets.get("", ("", ""))), value)
    return new


def _set(layer: Any, group: str, name: str, value: Any) -> None:
    target = getattr(layer, group)
    if not name:
        target.CopyFrom(value)
        return
    field = target.DESCRIPTOR.fields_by_name[name]
    if field.is_repeated:
        del getattr(target, name)[:]
        getattr(target, name).append(value)
    elif field.message_type is not None:
        getattr(target, name).CopyFrom(value)
    else:
        setattr(target, name, value)
