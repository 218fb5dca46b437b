"""Models that onnx and onnxruntime let through, abort on or never end with: a sentence, in bounded time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx.parser
import pytest

from converters.caffe import layers
from converters.caffe.broadcast import expand
from converters.errors import ConversionError, InvalidInput, Unsupported
from converters.onnx_to_caffe import convert_file
from tests.engines import run
from toolkit import runners
from toolkit.runners.base import Target

IMAGE = "float[1,3,8,8] x"
FUNCTION = '<domain: "d", opset_import: ["" : 21, "d" : 1]>'


def saved(folder: Path, body: str, inputs: str = IMAGE, opset: int = 18, functions: str = "") -> Path:
    domains = f'"" : {opset}' + ', "d" : 1' * bool(functions)
    body = body.replace(";", "\n")
    text = f"<ir_version: 10, opset_import: [{domains}]> net ({inputs}) => (float y) {{{body}}} {functions}"
    path = folder / "net.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())  # onnx.save would refuse some
    return path


CONV = "w = Constant<value = float[3,3,1,1] {1,1,1,1,1,1,1,1,1}>(); "
FOUR = "w = Constant<value = float[3,4,1,1] {1,1,1,1,1,1,1,1,1,1,1,1}>(); "
FIRST = "w = Constant<value = float[4,3,1,1] {1,1,1,1,1,1,1,1,1,1,1,1}>(); "
REFUSED = {
    "conv of other channels": (FOUR + "y = Conv(x, w)", "weights for 4 channels on an input of 3"),
    "deconv of other channels": (FIRST + "y = ConvTranspose(x, w)", "weights for 4 channels on an input of 3"),
    "bias of another size": (
        CONV + "b = Constant<value = float[5] {1,1,1,1,1}>(); y = Conv(x, w, b)",
        r"a bias of \(5,\) for 3 channels",
    ),
    "deconv's bias of another size": (
        CONV + "b = Constant<value = float[5] {1,1,1,1,1}>(); y = ConvTranspose(x, w, b)",
        r"a bias of \(5,\) for 3 channels",
    ),
    "computed bias of another shape": (
        CONV + "b = GlobalAveragePool(x); y = Conv(x, w, b)",
        r"a bias of \(1, 3, 1, 1\) for 3 channels",
    ),
    "LRN of no channels": ("y = LRN<size = -1>(x)", "LRN 'y': LRN takes an odd local_size alone"),
    "an explicit order of no axes": ("y = Transpose<perm: ints = []>(x)", r"perm \[\] of 4 axes"),
    "a constant of another shape than is inferred": (
        "w = Constant<value = float[3,3,1,2] {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1}>(); "
        "v = MaxPool<ceil_mode = 1, kernel_shape = [3,3], pads = [0,1,0,0], strides = [2,3]>(w); "
        "y = ConvTranspose(x, v)",
        r"MaxPool 'v': onnxruntime computes a constant of shape",
    ),
    "a factor that rounds": (
        "f = Constant<value_floats = [1.0,1.0,1.3,0.7]>(); p = Constant<value_ints = [0,0,0,0,0,0,2,2]>(); "
        "a = Pad(x, p); "
        'y = Resize<coordinate_transformation_mode = "half_pixel">(a, , f)',
        "onnxruntime makes 13 of axis 2, ONNX infers 12: the factor rounds",
    ),
    "a roi of no axes": (
        "r = Constant<value_float = 0.5>(); s = Constant<value_ints = [1,3,4,4]>(); "
        'y = Resize<coordinate_transformation_mode = "tf_crop_and_resize">(x, r, , s)',
        r"a roi of shape \(\) for 4 axes",
    ),
    "peepholes for other units": (
        "s = Constant<value = int64[3] {24,1,8}>(); t = Reshape(x, s); a = Constant<value = int64[3] {1,12,8}>(); "
        "w = ConstantOfShape(a); q = Constant<value = int64[3] {1,12,3}>(); r = ConstantOfShape(q); "
        "y = LSTM<hidden_size=3>(t, w, r, , , , , w)",
        r"peepholes of \(1, 12, 8\)",
    ),
    "an initial state for other units": (
        "s = Constant<value = int64[3] {24,1,8}>(); t = Reshape(x, s); a = Constant<value = int64[3] {1,12,8}>(); "
        "w = ConstantOfShape(a); q = Constant<value = int64[3] {1,12,3}>(); r = ConstantOfShape(q); "
        "h = Slice(t, z, o); z = Constant<value_ints = [0]>(); o = Constant<value_ints = [1]>(); "
        "y = LSTM<hidden_size=3>(t, w, r, , , h)",
        r"an initial state of \(1, 1, 8\)",
    ),
    "a C of three axes": (
        "f = Flatten(x); k = Constant<value_ints = [192,4]>(); w = ConstantOfShape(k); "
        "i = Constant<value_ints = [1,1,4]>(); c = ConstantOfShape(i); d = Exp(c); y = Gemm(f, w, d)",
        r"a C of shape \(1, 1, 4\) for \(1, 4\)",
    ),
    "a list of no axes": ("y = Squeeze<axes: ints = []>(x)", "Squeeze 'y': a list of no axes"),
    "a factor for planes": (
        "w = Constant<value = float[1,3,1,1] {1,1,1}>(); y = InstanceNormalization(x, w, w)",
        r"a factor or shift of \(1, 3, 1, 1\) for 3 channels",
    ),
    "a bound for each number": ("y = Clip(x, x)", r"a bound of shape \(1, 3, 8, 8\), not one number"),
    "gates of another operator": (
        "s = Constant<value = int64[3] {24,1,8}>(); t = Reshape(x, s); a = Constant<value = int64[3] {1,12,8}>(); "
        "w = ConstantOfShape(a); q = Constant<value = int64[3] {1,12,3}>(); r = ConstantOfShape(q); "
        "y = GRU<hidden_size=3>(t, w, r)",
        r"weights of \(1, 12, 8\), \(1, 12, 3\)",
    ),
    "a part of nothing": (
        "z, y = Split<num_outputs = 2>(x)",
        r"Split 'z': makes nothing: an output of shape \(0, 3, 8, 8\)",
    ),
    "a factor larger than its input": (
        "m = ReduceMean<axes = [3]>(x); y = LayerNormalization(m, x)",
        r"a factor or shift of shape \(1, 3, 8, 8\) for \(1, 3, 8, 1\)",
    ),
    "a factor below float32": ("y = Celu<alpha = 3.4e38>(x)", "a factor of 2.94118e-39, which float32 does not hold"),
    "a crop along an axis that stays": (
        "r = Constant<value_floats = [0.0,0.0,0.1,0.0,1.0,1.0,0.5,1.0]>(); s = Constant<value_ints = [1,3,8,4]>(); "
        'y = Resize<coordinate_transformation_mode = "tf_crop_and_resize">(x, r, , s)',
        "a crop along axis 2, whose size stays",
    ),
    "more groups than channels": (
        "g = Constant<value = float[3] {1,1,1}>(); y = GroupNormalization<num_groups = 2000000000>(x, g, g)",
        "2000000000 groups",
    ),
    "Range without an end": (
        "z = Constant<value = float {0}>(); o = Constant<value = float {1}>(); e = Div(o, z); "
        "r = Range(z, e, o); s = ReduceSum(r); y = Add(x, s)",
        "Range 'r': gives a constant of inf numbers",
    ),
    "Range that onnx would list": (
        "z = Constant<value = int64 {0}>(); o = Constant<value = int64 {1}>(); "
        "e = Constant<value = int64 {400000000}>(); r = Range(z, e, o); f = Cast<to = 1>(r); "
        "s = ReduceSum(f); y = Add(x, s)",
        "Range 'r': gives a constant of 400,000,000 numbers",
    ),
    "an attribute that is no number": ("y = Elu<alpha = nan>(x)", "Elu 'y': alpha=nan, which is not finite"),
    "an infinite attribute": ("y = LeakyRelu<alpha = inf>(x)", "LeakyRelu 'y': alpha=inf, which is not finite"),
    "a threshold that is no number": ("y = ThresholdedRelu<alpha = nan>(x)", "ThresholdedRelu 'y': alpha=nan"),
    "a bound that is no number": ("l = Constant<value = float {nan}>(); y = Clip(x, l)", "Clip 'y': .* 'l' holds NaN"),
    "a mask that is no number": ("m = Constant<value = float {nan}>(); y = Add(x, m)", "Add 'y': .* 'm' holds NaN"),
    "weights that are no numbers": (CONV.replace("{1", "{nan") + "y = Conv(x, w)", "Conv 'y': .* 'w' holds NaN"),
    "infinite weights": (CONV.replace("{1", "{inf") + "y = Conv(x, w)", "Conv 'y': arithmetic with infinity"),
    "factors that overflow": ("y = Celu<alpha = 1e-40>(x)", "Celu 'y': arithmetic with 1.0.*e.40, which float32"),
    "weights that overflow once folded": (
        CONV.replace("{1", "{1e30") + "a = Conv(x, w); s = Constant<value = float[3,1,1] {1e30,1,1}>(); y = Mul(a, s)",
        "Convolution 'y': its weight comes out as infinity",
    ),
    "a variance below zero": (
        "s = Constant<value = float[3] {1,1,1}>(); v = Constant<value = float[3] {1,-1,1}>(); "
        "y = BatchNormalization(x, s, s, s, v)",
        "Scale 'y': its factor comes out as NaN",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_onnx_lets_through_is_refused_by_name(name: str, tmp_path: Path) -> None:
    body, expected = REFUSED[name]
    path = saved(
        tmp_path, body, opset=21 if "Group" in body else 17 if "ReduceMean" in body else 12 if "axes" in body else 18
    )
    with pytest.raises(ConversionError, match=expected):
        convert_file(path, tmp_path / "out")
    assert [one.name for one in tmp_path.iterdir()] == ["net.onnx"]


INVALID = {
    "a Constant of two values": (
        "s = Constant<value_ints = [1,3,4,4], value = int64[4] {1,3,8,8}>(); y = Resize(x, , , s)",
        "Constant 's' has 2 values; a Constant has one",
    ),
    "neither the largest nor the smallest": (
        "k = Constant<value = int64[1] {1}>(); y, i = TopK<largest = 2>(x, k)",
        "TopK 'y' has largest=2, which is neither 0 nor 1",
    ),
    "newer operator": ("y = Swish(x)", "Swish 'y' is of opset 24, but the model is of opset 18"),
    "newer operator that onnx's converter carries": (
        "s = Constant<value = float[3] {1,1,1}>(); y = GroupNormalization<num_groups = 1>(x, s, s)",
        "GroupNormalization 'y' is of opset 18, but the model is of opset 17",
    ),
    "fewer parts than outputs": (
        "a, b, c = Split<axis = 1, num_outputs = 2>(x); y = Add(a, c)",
        "Split 'a' has num_outputs=2 but 3 outputs",
    ),
    "an attribute of another type": ("y = Slice<starts = [0], ends = 1.0>(x)", "'ends' of type float, not ints"),
    "an attribute of a newer opset": (
        "y = MaxPool<kernel_shape = [2,2], dilations = [2,2]>(x)",
        "MaxPool 'y' has the attribute 'dilations', which opset 9 does not know",
    ),
    "an attribute twice": ("y = Flatten<axis = 1, axis = 2>(x)", "Flatten 'y' has the attribute 'axis' more than once"),
    "no attribute that it needs": ("y = Concat(x, x)", "Concat 'y' lacks its attribute 'axis'"),
    "too few inputs": ("y = Add(x)", "Add 'y' has 1 inputs; it takes 2 at least"),
    "too many outputs": ("y, z = Relu(x)", "Relu 'y' has 2 outputs; it takes 1 at most"),
    "a gap in a list": ("y = Min(x, , x)", "Min 'y' leaves out one of its inputs"),
    "an unknown auto_pad": (
        'y = MaxPool<kernel_shape = [2,2], auto_pad = "SAME">(x)',
        "MaxPool 'y' has auto_pad=SAME, which is none of VALID, SAME_UPPER, SAME_LOWER",
    ),
    "pads beside auto_pad": (
        'y = MaxPool<kernel_shape = [2,2], auto_pad = "VALID", pads = [1,1,1,1]>(x)',
        "MaxPool 'y' has pads beside auto_pad=VALID",
    ),
    "an axis beyond 32 bits": (
        "y = Softmax<axis = 4294967296>(x)",
        "Softmax 'y' has 4294967296 in its attribute 'axis'; onnxruntime and Caffe read 32 bits",
    ),
    "values of each other": ("y = Add(x, a); a = Relu(y)", "computed from each other"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_means_nothing_is_said_before_onnxruntime_sees_it(name: str, tmp_path: Path) -> None:
    body, expected = INVALID[name]
    path = saved(tmp_path, body, opset=17 if "Group" in body else 9 if "starts" in body or "dilations" in body else 18)
    with pytest.raises(InvalidInput, match=expected):
        convert_file(path, tmp_path / "out")


def changed(path: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.ModelProto.FromString(path.read_bytes())
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def short(model: onnx.ModelProto) -> None:
    model.graph.initializer.add(name="w", data_type=onnx.TensorProto.UINT8, dims=[40, 40], raw_data=bytes(1500))


MADE: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "nothing": (lambda model: model.graph.node[0].ClearField("output"), "not valid ONNX: Relu '' makes no value"),
    "no output": (lambda model: model.graph.ClearField("output"), "not valid ONNX: the model has no output"),
    "too few bytes": (short, "the weights 'w' have 1500 bytes, not 1600"),
    "no known type": (
        lambda model: model.graph.initializer.add(name="w", data_type=99, dims=[1], raw_data=b"1"),
        "the weights 'w' are of type 99",
    ),
}


@pytest.mark.parametrize("name", MADE)
def test_what_no_text_of_onnx_says_is_invalid(name: str, tmp_path: Path) -> None:
    change, expected = MADE[name]
    path = changed(saved(tmp_path, "y = Relu(x)"), change)
    with pytest.raises(InvalidInput, match=expected):
        convert_file(path, tmp_path / "out")


@pytest.mark.parametrize("name", [b"net", b"long_name_of_x", b"dimension"])
def test_a_text_that_is_no_utf8_is_told(name: bytes, tmp_path: Path) -> None:
    path = saved(tmp_path, "y = Relu(long_name_of_x)", "float[dimension,3,8,8] long_name_of_x")
    path.write_bytes(path.read_bytes().replace(name, b"\xff" + name[1:]))
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        convert_file(path, tmp_path / "out")


def test_two_functions_of_one_name(tmp_path: Path) -> None:
    functions = f"{FUNCTION} f (a) => (b) {{ b = Relu(a) }} {FUNCTION} f (a) => (b) {{ b = Abs(a) }}"
    path = saved(tmp_path, "y = d.f(x)", opset=18, functions=functions)
    with pytest.raises(InvalidInput, match="two functions are called 'f'"):
        convert_file(path, tmp_path / "out")


def test_a_resize_of_a_wide_image_takes_no_square_matrix(tmp_path: Path) -> None:
    body = "s = Constant<value_ints = [1,1,2,8]>(); y = Resize(x, , , s)"
    path = saved(tmp_path, body, "float[1,1,1,60000] x")
    tracemalloc.start()
    try:
        convert_file(path, tmp_path / "out")
        assert tracemalloc.get_traced_memory()[1] < 2**28
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", ["0,3,8,8", "0"])
def test_an_input_that_holds_nothing(shape: str, tmp_path: Path) -> None:
    path = saved(tmp_path, "y = Relu(x)", f"float[{shape}] x")
    with pytest.raises(ConversionError, match="input 'x': has a size of 0, so it holds nothing"):
        convert_file(path, tmp_path / "out")


def test_constant_outputs_alone_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path, "z = Relu(x); y = Constant<value = float[1] {1}>()")
    with pytest.raises(ConversionError, match="output 'y': is a constant"):
        convert_file(path, tmp_path / "out")


def test_an_output_that_is_the_input_alone_keeps_its_shape(tmp_path: Path) -> None:
    path = saved(tmp_path, "z = Relu(x)")
    changed(path, lambda model: setattr(model.graph.output[0], "name", "x"))
    done = convert_file(path, tmp_path / "out", dialect="bvlc")
    assert done.input_shapes == done.output_shapes == {"x": (1, 3, 8, 8)}
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, 8, 8)).astype(np.float32)
    np.testing.assert_array_equal(run("opencv", done, {"x": image})["x"], image)


def test_blocks_larger_than_their_channels_take_no_memory(tmp_path: Path) -> None:
    body = "s = Constant<value = int64[2] {5,5}>(); b = Constant<value = int64[2] {65536,3}>(); y = Col2Im(x, s, b)"
    path = saved(tmp_path, body, "float[1,9,4] x")
    with pytest.raises(ConversionError, match="blocks of 196,608 numbers in 9 channels"):
        convert_file(path, tmp_path / "out")


def test_rotary_embedding_of_five_axes_ends(tmp_path: Path) -> None:
    inputs = "float[1,2,3,4,8] x, float[1,4,4] c, float[1,4,4] s"
    path = saved(tmp_path, "y = RotaryEmbedding(x, c, s)", inputs, opset=23)
    with pytest.raises(InvalidInput, match="RotaryEmbedding 'y': its inputs do not fit its definition"):
        convert_file(path, tmp_path / "out")


FOREIGN = {
    "ai.onnx.ml": "Scaler<offset = [0.0], scale = [1.0]>(x)",
    "ai.onnx.preview.training": "Adagrad(r, t, x, x, x)",
    "com.microsoft": "Inverse(x)",
    "of.nobody": "Spell(x)",
}


@pytest.mark.parametrize("own", ["", '"" : 11,', '"" : 18,'], ids=["alone", "opset 11", "opset 18"])
@pytest.mark.parametrize("domain", FOREIGN)
def test_operators_of_other_domains_are_refused_by_name(domain: str, own: str, tmp_path: Path) -> None:
    inputs = f"float[1,3] x{', float r, int64 t' * ('training' in domain)}"
    call = FOREIGN[domain]
    text = (
        f'<ir_version: 10, opset_import: [{own} "{domain}" : 1]> net ({inputs}) => (float y) {{ y = {domain}.{call} }}'
    )
    (tmp_path / "net.onnx").write_bytes(onnx.parser.parse_model(text).SerializeToString())
    with pytest.raises(
        ConversionError, match=rf"{call.partition('<')[0].partition('(')[0]} 'y': (an operator of|no Caffe)"
    ):
        convert_file(tmp_path / "net.onnx", tmp_path / "out")


@pytest.mark.parametrize("kind, op", [("uint16", "Max(c, c)"), ("int16", "Max(c, c)"), ("uint32", "ReduceSum(c)")])
def test_what_onnxruntime_has_no_kernel_for_is_refused_by_name(kind: str, op: str, tmp_path: Path) -> None:
    number = onnx.TensorProto.DataType.Value(kind.upper())
    path = saved(tmp_path, f"m = Max(x, x); c = Cast<to = {number}>(m); r = {op}; y = Cast<to = 1>(r)", opset=21)
    with pytest.raises(
        ConversionError, match=f"{op.partition('(')[0]} 'r': onnxruntime has no kernel for it in {kind}"
    ):
        convert_file(path, tmp_path / "out")


def test_constants_that_onnxruntime_can_not_compute_are_refused_by_name(tmp_path: Path) -> None:
    body = "w = Constant<value = uint16[3,1,1] {1,2,3}>(); r = Max(w, w); c = Cast<to = 1>(r); y = Add(x, c)"
    with pytest.raises(ConversionError, match="Max 'r': onnxruntime has no kernel for it"):
        convert_file(saved(tmp_path, body, opset=21), tmp_path / "out")


def test_a_softcap_below_zero(tmp_path: Path) -> None:
    path = saved(tmp_path, "y = Attention<softcap = -2.0>(x, x, x)", "float[1,2,3,4] x", opset=23)
    with pytest.raises(ConversionError, match=r"Attention 'y': softcap=-2\.0"):
        convert_file(path, tmp_path / "out")


def test_an_infinite_bound_bounds_nothing(tmp_path: Path) -> None:
    body = "l = Constant<value = float {-inf}>(); h = Constant<value = float {0.5}>(); y = Clip(x, l, h)"
    report = convert_file(saved(tmp_path, body), tmp_path / "out")
    x = np.random.default_rng(0).standard_normal((1, 3, 8, 8)).astype(np.float32)
    np.testing.assert_allclose(run("opencv", report, {"x": x})["y"], np.minimum(x, 0.5), atol=1e-6)


@pytest.mark.parametrize(
    ("call", "told"),
    [("y = d.f(x, x)", "2 inputs; its function has 1"), ("y, z = d.f(x)", "2 outputs; its function has 1")],
)
def test_a_call_with_more_than_its_function_has(tmp_path: Path, call: str, told: str) -> None:
    path = saved(tmp_path, call, functions=f"{FUNCTION.replace('21', '18')} f (a) => (b) {{ b = Relu(a) }}")
    with pytest.raises(InvalidInput, match=f"f 'y' has {told}"):
        convert_file(path, tmp_path / "net")


def test_what_a_call_gives_an_operator_is_held_to_its_schema(tmp_path: Path) -> None:
    body = "b = ReduceMax<keepdims: int = @keep>(a)"
    functions = f"{FUNCTION.replace('21', '18')} f <keep> (a) => (b) {{ {body} }}"
    path = saved(tmp_path, "y = d.f<keep = 3>(x)", functions=functions)
    with pytest.raises(InvalidInput, match="keepdims=3, which is neither 0 nor 1"):
        convert_file(path, tmp_path / "net")


def test_shapes_behind_a_blocker_are_no_fault_of_the_converter(tmp_path: Path) -> None:
    body = CONV + (
        "r = Constant<value = float[3,1,1,1] {1,1,1}>(); m = ReduceMin(x); z = ConvTranspose<pads = [0,1,1,1]>(m, r); "
        "v = Softmax<axis = 1>(z); k = Constant<value = float[2,1,3,1] {1,1,1,1,1,1}>(); "
        "y = Conv<pads = [1,1,1,1], strides = [2,1]>(v, k)"
    )
    with pytest.raises(ConversionError, match="has an output of shape") as told:
        convert_file(saved(tmp_path, body), tmp_path / "out")
    assert "fault of the converter" not in str(told.value)


def test_an_axis_too_long_for_shape_inference(tmp_path: Path) -> None:
    body = "i = Constant<value = int64[3] {3,3,0}>(); y = Gather<axis = 0>(x, i)"
    with pytest.raises(ConversionError, match="input 'x': has an axis of 2,147,483,647; 16,777,216 are the most"):
        convert_file(saved(tmp_path, body, "float[2147483647] x"), tmp_path / "out")


@pytest.mark.parametrize("where", ["input", "output"])
def test_a_type_that_there_is_not(tmp_path: Path, where: str) -> None:
    path = saved(tmp_path, "y = Relu(x)")
    model = onnx.ModelProto.FromString(path.read_bytes())
    (value,) = getattr(model.graph, where)
    value.type.tensor_type.elem_type = 99
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidInput, match=f"'{value.name}' is of type 99, which there is not"):
        convert_file(path, tmp_path / "out")


def test_functions_that_call_each_other(tmp_path: Path) -> None:
    functions = f"{FUNCTION} f (a) => (b) {{ b = d.g(a) }} {FUNCTION} g (a) => (b) {{ b = d.f(a) }}"
    path = saved(tmp_path, "y = d.f(x)", opset=21, functions=functions)
    with pytest.raises(InvalidInput, match=r"the function '[fg]' calls itself"):
        convert_file(path, tmp_path / "out")


def test_functions_that_double_are_not_expanded(tmp_path: Path) -> None:
    bodies = [f"c = d.f{at + 1}(a)\n b = d.f{at + 1}(c)" for at in range(24)] + ["b = Relu(a)"]
    functions = "\n".join(f"{FUNCTION} f{at} (a) => (b) {{ {body} }}" for at, body in enumerate(bodies))
    path = saved(tmp_path, "y = d.f0(x)", opset=21, functions=functions)
    with pytest.raises(ConversionError, match="functions expand to 50,331,646 nodes"):
        convert_file(path, tmp_path / "out")


SCORES = "f (a) => (b) { s = Softmax(a)\n t = d.g(s)\n b = Mul(t, s) } "


@pytest.mark.parametrize(("opset", "own"), [(13, 13), (17, 17), (18, 17), (18, 18), (21, 21)])
def test_functions_of_every_opset_are_written_out(tmp_path: Path, opset: int, own: int) -> None:
    head = FUNCTION.replace("21", str(own))
    functions = f"{head} {SCORES} {head} g <k> (a) => (b) {{ b = LeakyRelu<alpha=0.5>(a) }}"
    path = saved(tmp_path, "y = d.f(x)", opset=opset, functions=functions)
    report = convert_file(path, tmp_path / "out")
    feed = {"x": np.random.default_rng(0).normal(size=(1, 3, 8, 8)).astype(np.float32)}
    with runners.load("onnxruntime", Target(str(path))) as oracle:
        want = oracle.run(feed)
    np.testing.assert_allclose(run("opencv", report, feed)["y"], want["y"], atol=1e-5)


@pytest.mark.parametrize("opset", [18, 21])
def test_a_function_whose_opset_gives_it_another_meaning_is_refused(tmp_path: Path, opset: int) -> None:
    head = FUNCTION.replace("21", "11")
    functions = f"{head} {SCORES} {head} g (a) => (b) {{ b = Relu(a) }}"
    path = saved(tmp_path, "y = d.f(x)", opset=opset, functions=functions)
    with pytest.raises(ConversionError, match=f"function 'f': is written for opset 11 in a model of opset {opset}"):
        convert_file(path, tmp_path / "out")


def test_of_what_hangs_on_a_blocker_nothing_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path, "i = NonZero(x); f = Cast<to=1>(i); r = Relu(f); z = Relu(x); y = Concat<axis=0>(r, r)")
    with pytest.raises(ConversionError) as found:
        convert_file(path, tmp_path / "out")
    assert [(one.op, one.name) for one in found.value.problems] == [("NonZero", "i")]


def test_an_unknown_operator_inside_a_function_is_named_with_what_to_do(tmp_path: Path) -> None:
    functions = f"{FUNCTION.replace('21', '18')} f (a) => (b) {{ c = d.Strange(a)\n b = Relu(c) }}"
    path = saved(tmp_path, "y = d.f(x)", functions=functions)
    with pytest.raises(ConversionError, match=r"Strange 'c__1': no Caffe form is known.*\n +hint: cut the network"):
        convert_file(path, tmp_path / "out")


def test_a_blob_is_repeated_along_axes_of_one_alone() -> None:
    with pytest.raises(Unsupported, match="can't be repeated"):
        expand(layers.input_("x", (1, 3, 4)), (1, 2, 4))


def short(tensor: onnx.TensorProto) -> None:
    del tensor.float_data[-3:]


def nowhere(tensor: onnx.TensorProto, location: str) -> None:
    tensor.ClearField("float_data")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


WEIGHTS: dict[str, tuple[Callable[[onnx.TensorProto], None], str]] = {
    "too few numbers": (short, "the weights 'w' have 6 numbers, not 9"),
    "a NUL in the place": (lambda w: nowhere(w, "a\0b"), "the weights 'w' name a file that can't exist"),
    "an endless place": (lambda w: nowhere(w, "a" * 5000), "the weights 'w' name a file that can't exist"),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_that_are_not_there(name: str, tmp_path: Path) -> None:
    damage, expected = WEIGHTS[name]
    model = onnx.load(saved(tmp_path, "y = Conv(x, w)", f"{IMAGE}, float[3,3,1,1] w"))
    del model.graph.input[1]
    weights = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [3, 3, 1, 1], [1.0] * 9)
    damage(weights)
    model.graph.initializer.append(weights)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(InvalidInput, match=expected) as caught:
        convert_file(tmp_path / "net.onnx", tmp_path / "out")
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("part", [b"NODE", b"VALUE", b"Sigmoid"])
def test_names_that_are_no_text(part: bytes, tmp_path: Path) -> None:
    model = onnx.load(saved(tmp_path, "VALUE = Sigmoid(x); y = Relu(VALUE)"))
    model.graph.node[0].name = "NODE"
    path = tmp_path / "net.onnx"
    path.write_bytes(model.SerializeToString().replace(part, b"\xff" * len(part)))
    with pytest.raises(InvalidInput, match="is not UTF-8"):
        convert_file(path, tmp_path / "out")


def test_nodes_in_any_order_keep_their_meaning(tmp_path: Path) -> None:
    body = "a = Sigmoid(x); b = Conv(a, w); y = Relu(b); w = Constant<value = float[3,3,1,1] {-4,-3,-2,-1,0,1,2,3,4}>()"
    path = saved(tmp_path, body)
    model = onnx.load(path)
    nodes = [model.graph.node[at] for at in (2, 1, 3, 0)]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(onnx.checker.ValidationError):
        onnx.checker.check_model(str(path))
    x = np.linspace(-4, 4, 192, dtype=np.float32).reshape(1, 3, 8, 8)
    weights = np.arange(-4, 5, dtype=np.float32).reshape(3, 3)
    want = np.maximum(np.einsum("oc,nchw->nohw", weights, 1 / (1 + np.exp(-x))), 0)
    got = run("opencv", convert_file(path, tmp_path / "out", outputs=["y"]), {"x": x})["y"]
    np.testing.assert_allclose(got, want, atol=1e-4 * want.max())
