"""Resize and Upsample: modes, coordinates, sizes, ranks."""

import itertools

from tests.cases import Case

ALL = ("portable",)
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric", "half_pixel_symmetric")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def with_brackets(attributes: str) -> str:
    return f"<{attributes}>" if attributes else ""


def scaled(shape: str, scales: str, attributes: str = "", **options: object) -> Case:
    """A Resize by factors."""
    body = f"s = Constant<value_floats=[{scales}]>(); y = Resize{with_brackets(attributes)}(x, , s)"
    return Case(f"float[{shape}] x", body, dialects=ALL, **options)  # type: ignore[arg-type]


def sized(shape: str, sizes: str, attributes: str = "", **options: object) -> Case:
    """A Resize to sizes."""
    body = f"s = Constant<value_ints=[{sizes}]>(); y = Resize{with_brackets(attributes)}(x, , , s)"
    return Case(f"float[{shape}] x", body, dialects=ALL, **options)  # type: ignore[arg-type]


# From 5 x 6: both ways, whole and broken factors, factors that leave a size or reach 1.
SIZES = {"up": "2,3,10,12", "odd": "2,3,7,11", "down": "2,3,3,2", "mixed": "2,3,15,3", "one": "2,3,1,1"}
SCALES = {
    "two": "1.0,1.0,2.0,2.0",
    "broken": "1.0,1.0,1.3,0.7",
    "third": "1.0,1.0,0.34,3.0",
    "same_size": "1.0,1.0,1.1,1.0",
}
GRID = {
    **{
        f"linear_{c}_{s}": sized("2,3,5,6", SIZES[s], f'mode="linear", coordinate_transformation_mode="{c}"')
        for c, s in itertools.product(COORDINATES, SIZES)
    },
    **{
        f"linear_{c}_by_{s}": scaled("2,3,5,6", SCALES[s], f'mode="linear", coordinate_transformation_mode="{c}"')
        for c, s in itertools.product(COORDINATES, SCALES)
    },
    **{
        f"cubic_{c}_{s}": sized("2,3,5,6", SIZES[s], f'mode="cubic", coordinate_transformation_mode="{c}"')
        for c, s in itertools.product(COORDINATES, ("up", "odd", "down"))
    },
    **{
        f"nearest_{c}_{n}_{s}": sized("2,3,5,6", SIZES[s], f'coordinate_transformation_mode="{c}", nearest_mode="{n}"')
        for c, n, s in itertools.product(COORDINATES, NEAREST, ("up", "odd", "down"))
    },
    **{
        f"nearest_{c}_by_{s}": scaled("2,3,5,6", SCALES[s], f'coordinate_transformation_mode="{c}"')
        for c, s in itertools.product(COORDINATES, SCALES)
    },
}
ANTIALIAS = {
    f"antialias_{m}_{'exclude_' * e}{s}": sized("2,3,9,8", size, f'mode="{m}", antialias=1, exclude_outside={e}')
    for m, e, (s, size) in itertools.product(
        ("linear", "cubic"), (0, 1), (("down", "2,3,4,3"), ("up", "2,3,12,16"), ("mixed", "2,3,5,20"))
    )
}
# The part that is read, as starts and ends of the four axes.
PARTS = {"inside": "0.0,0.0,0.1,0.2,1.0,1.0,0.8,0.9", "beyond": "0.0,0.0,-0.2,0.2,1.0,1.0,1.1,1.3"}
CROPS = {
    f"crop_{mode}_{part}_{value}": Case(
        "float[1,2,5,6] x",
        f"r = Constant<value_floats=[{PARTS[part]}]>(); s = Constant<value_ints=[1,2,4,7]>();"
        f'y = Resize<mode="{mode}", coordinate_transformation_mode="tf_crop_and_resize", extrapolation_value={value}>'
        "(x, r, , s)",
        dialects=ALL,
    )
    for mode, (part, value) in itertools.product(
        ("linear", "nearest", "cubic"), (("inside", 0.5), ("beyond", 0.0), ("beyond", 7.5))
    )
}

CASES = {
    **GRID,
    **ANTIALIAS,
    **CROPS,
    "cubic_a": scaled("1,2,5,6", "1.0,1.0,2.0,1.5", 'mode="cubic", cubic_coeff_a=-0.5'),
    "cubic_exclude_outside": scaled("1,2,5,6", "1.0,1.0,2.0,1.5", 'mode="cubic", exclude_outside=1'),
    "cubic_exclude_outside_down": scaled("1,2,9,8", "1.0,1.0,0.4,0.6", 'mode="cubic", exclude_outside=1'),
    "identity": scaled("1,2,5,6", "1.0,1.0,1.0,1.0"),
    "identity_linear": sized("1,2,5,6", "1,2,5,6", 'mode="linear"'),
    "nearest_three": scaled("2,3,5,4", "1.0,1.0,3.0,3.0"),
    "nearest_half": scaled(
        "2,3,8,6", "1.0,1.0,0.5,0.5", 'coordinate_transformation_mode="asymmetric", nearest_mode="floor"'
    ),
    "nearest_half_of_odd": scaled(
        "2,3,9,7", "1.0,1.0,0.5,0.5", 'coordinate_transformation_mode="asymmetric", nearest_mode="floor"'
    ),
    "nearest_third": scaled(
        "2,3,9,7", "1.0,1.0,0.34,0.34", 'coordinate_transformation_mode="asymmetric", nearest_mode="ceil"'
    ),
    "nearest_height_alone": scaled("2,3,5,4", "1.0,1.0,2.0,1.0"),
    "nearest_width_alone": scaled("2,3,5,4", "1.0,1.0,1.0,3.0"),
    "nearest_up_and_down": scaled("2,3,5,4", "1.0,1.0,2.0,0.5"),
    "nearest_ties": sized("1,1,10,14", "1,1,4,4"),
    "nearest_large": sized("1,1,64,48", "1,1,100,37"),
    "from_one_pixel": sized("2,3,1,1", "2,3,4,5", 'mode="linear"'),
    "to_one_pixel_of_corners": sized(
        "2,3,4,5", "2,3,1,1", 'mode="linear", coordinate_transformation_mode="align_corners"'
    ),
    "channels": scaled("1,4,3,2", "1.0,2.0,1.0,1.0"),
    "every_axis": scaled("2,3,4,2", "2.0,0.7,1.5,2.0"),
    "channels_last": sized("2,4,5,3", "2,8,7,3", 'mode="linear"'),
    "rank_one": scaled("5", "2.0"),
    "rank_two": sized("3,5", "4,9", 'mode="linear"'),
    "rank_two_nearest": scaled("3,5", "2.0,2.0"),
    "rank_three": scaled("2,3,5", "1.0,1.0,2.0"),
    "rank_three_half": scaled(
        "2,3,6", "1.0,1.0,0.5", 'coordinate_transformation_mode="asymmetric", nearest_mode="floor"'
    ),
    "rank_three_linear": sized("2,3,5", "2,3,8", 'mode="linear"'),
    "rank_five": scaled("1,2,3,4,5", "1.0,1.0,2.0,2.0,2.0"),
    "rank_five_linear": sized("1,2,3,4,5", "1,2,5,6,4", 'mode="linear"'),
    "rank_five_planes": scaled("1,2,3,4,5", "1.0,1.0,1.0,2.0,2.0"),
    "axes": sized("2,3,5,6", "9,8", 'mode="linear", axes=[2,3]'),
    "axes_turned": sized("2,3,5,6", "9,8", 'mode="linear", axes=[3,2]'),
    "axes_negative": scaled("2,3,5,6", "2.0,2.0", "axes=[-2,-1]"),
    "not_larger": sized("1,2,5,6", "8,12", 'axes=[2,3], keep_aspect_ratio_policy="not_larger"'),
    "not_smaller": sized("1,2,5,6", "8,9", 'axes=[2,3], keep_aspect_ratio_policy="not_smaller"'),
    "not_larger_linear": sized("1,2,7,6", "3,4", 'axes=[2,3], keep_aspect_ratio_policy="not_larger", mode="linear"'),
    "half_pixel_for_nn": Case(
        "float[1,2,5,6] x",
        "r = Constant<value=float[0] {}>(); s = Constant<value=float[4] {1.0,1.0,1.6,0.5}>();"
        'y = Resize<coordinate_transformation_mode="tf_half_pixel_for_nn">(x, r, s)',
        opset=11,
        dialects=ALL,
    ),
    "upsample": Case(
        "float[2,3,4,5] x", 'y = Upsample<mode="nearest", scales=[1.0,1.0,2.0,2.0]>(x)', opset=7, dialects=ALL
    ),
    "upsample_linear": Case(
        "float[2,3,4,5] x", 'y = Upsample<mode="linear", scales=[1.0,1.0,2.0,2.0]>(x)', opset=7, dialects=ALL
    ),
    "upsample_9": Case(
        "float[2,3,4,5] x",
        's = Constant<value=float[4] {1.0,1.0,2.0,3.0}>(); y = Upsample<mode="nearest">(x, s)',
        opset=9,
        dialects=ALL,
    ),
    "upsample_9_broken": Case(
        "float[2,3,4,5] x",
        's = Constant<value=float[4] {1.0,1.0,1.5,1.2}>(); y = Upsample<mode="linear">(x, s)',
        opset=9,
        dialects=ALL,
    ),
    "resize_10": Case(
        "float[2,3,4,5] x",
        's = Constant<value=float[4] {1.0,1.0,2.0,1.5}>(); y = Resize<mode="linear">(x, s)',
        opset=10,
        dialects=ALL,
    ),
    "resize_10_nearest_down": Case(
        "float[2,3,8,9] x",
        's = Constant<value=float[4] {1.0,1.0,0.5,0.6}>(); y = Resize<mode="nearest">(x, s)',
        opset=10,
        dialects=ALL,
    ),
    "resize_10_up": Case(
        "float[2,3,8,9] x",
        's = Constant<value=float[4] {1.0,1.0,1.5,2.5}>(); y = Resize<mode="nearest">(x, s)',
        opset=10,
        dialects=ALL,
    ),
    "resize_10_computed": Case(
        "float[2,3,4,5] x",
        "s = Constant<value=float[4] {1.0,1.0,1.0,1.5}>(); t = Constant<value=float[4] {1.0,1.0,2.0,1.0}>();"
        "u = Mul(s, t);"
        'y = Resize<mode="linear">(x, u)',
        opset=10,
        dialects=ALL,
    ),
    "resize_10_both_ways": Case(
        "float[2,3,8,9] x",
        's = Constant<value=float[4] {1.0,1.0,0.5,2.0}>(); y = Resize<mode="nearest">(x, s)',
        opset=10,
        dialects=(),
        refused="one axis up and another down",
    ),
    "crop_same_size": Case(
        "float[1,2,5,6] x",
        "r = Constant<value_floats=[0.0,0.0,0.2,0.0,1.0,1.0,1.0,1.0]>(); s = Constant<value_ints=[1,2,5,6]>();"
        'y = Resize<mode="linear", coordinate_transformation_mode="tf_crop_and_resize">(x, r, , s)',
        dialects=(),
        refused="a crop to the size of the input",
    ),
    "resize_11": Case(
        "float[2,3,4,5] x",
        "r = Constant<value=float[0] {}>(); s = Constant<value=float[4] {1.0,1.0,2.0,1.5}>();"
        'y = Resize<mode="cubic">(x, r, s)',
        opset=11,
        dialects=ALL,
    ),
    "resize_13_sizes": Case(
        "float[2,3,4,5] x",
        's = Constant<value=int64[4] {2,3,7,7}>(); y = Resize<mode="linear">(x, , , s)',
        opset=13,
        dialects=ALL,
    ),
}
