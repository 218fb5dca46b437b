from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from converters.errors import InvalidInput, ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.parity.inputs import Inputs, make, nudged

DECLARED = {"x": (None, 3, 4, 5), "z": (2, 7)}


def digest(feeds: tuple[dict[str, np.ndarray], ...]) -> list[bytes]:
    return [array.tobytes() for sample in feeds for array in sample.values()]


def test_the_same_seed_gives_the_same_numbers_and_another_gives_others() -> None:
    assert digest(make(Inputs(seeds=(3,)), DECLARED)) == digest(make(Inputs(seeds=(3,)), DECLARED))
    assert len({*digest(make(Inputs(seeds=(3,)), DECLARED)), *digest(make(Inputs(seeds=(4,)), DECLARED))}) == 8


def test_these_numbers_stay_what_they_are() -> None:
    """A saved result is compared with a later one: the numbers of a seed are part of the format."""
    sample = make(Inputs(seeds=(1,)), {"x": (1, 3)})[0]["x"]
    np.testing.assert_array_equal(sample, np.float32([[0.6022036671638489, 0.9202002882957458, 0.39457452297210693]]))


def test_samples_and_inputs_do_not_disturb_each_other() -> None:
    few, many = make(Inputs(), {"x": (1, 8)}), make(Inputs(samples=5), {"w": (2,), "x": (1, 8)})
    assert (len(few), len(many)) == (2, 5)
    for sample, other in zip(few, many[:2], strict=True):
        np.testing.assert_array_equal(sample["x"], other["x"])


def test_one_sample_is_never_enough() -> None:
    assert len(make(Inputs(samples=1), DECLARED)) == 2


def test_float32_in_0_to_1_with_a_batch_of_1() -> None:
    sample = make(Inputs(), {"x": (None, 3, 50, 50)})[0]["x"]
    assert (sample.shape, sample.dtype) == ((1, 3, 50, 50), np.float32)
    assert 0 <= sample.min() < 0.01 < 0.99 < sample.max() < 1


def test_a_range_of_its_own() -> None:
    sample = make(Inputs(ranges={"x": ((-2, 6),)}), {"x": (1, 3, 50, 50), "z": (1, 900)})[1]
    assert -2 <= sample["x"].min() < -1.9 < 5.9 < sample["x"].max() <= 6
    assert sample["z"].min() >= 0


@pytest.mark.parametrize("bounds", [(1, 1), (2, 1), (0, np.inf), (np.nan, 1)])
def test_a_range_that_is_none_is_refused(bounds: tuple[float, float]) -> None:
    with pytest.raises(ToolkitError, match="finite low < high"):
        make(Inputs(ranges={"x": (bounds,)}), DECLARED)


def test_shapes_are_pinned_as_asked() -> None:
    assert make(Inputs(shapes={"x": (4, 3, 8, 8)}), {"x": (None, 3, None, None)})[0]["x"].shape == (4, 3, 8, 8)


@pytest.mark.parametrize(
    "spec, declared, message",
    [
        (Inputs(), {"x": (1, 3, None, None)}, r"shape \(1, 3, \?, \?\); say what its \? are"),
        (
            Inputs(shapes={"x": (1, 4, 8, 8)}),
            {"x": (1, 3, None, None)},
            r"\(1, 4, 8, 8\) does not fit .* \(1, 3, \?, \?\)",
        ),
        (Inputs(shapes={"x": (1, 3, 8)}), {"x": (1, 3, None, None)}, "does not fit"),
        (Inputs(), {"x": (0, 3)}, "holds no number"),
        (Inputs(shapes={"x": (2**20, 2**20)}), {"x": (None, None)}, "4096.0 GiB; at most 1 GiB"),
        (Inputs(samples=9), {"x": (2**27,)}, "feeding 9 samples takes 4.5 GiB; at most 4 GiB"),
        (Inputs(shapes={"y": (1,)}), {"x": (1,)}, "a shape is given for input 'y'; the model's inputs are 'x'"),
        (Inputs(ranges={"y": ((0, 1),)}), {"x": (1,)}, "a range is given for input 'y'"),
        (Inputs(arrays={"y": (np.ones(1),)}), {"x": (1,)}, "a file is given for input 'y'"),
        (Inputs(), {}, "the model has no inputs"),
    ],
)
def test_what_does_not_fit_is_a_sentence(spec: Inputs, declared: dict, message: str) -> None:
    with pytest.raises(ToolkitError, match=message):
        make(spec, declared)


def test_given_arrays_come_first_and_pin_the_shape(tmp_path: Path) -> None:
    array = np.random.default_rng(0).random((2, 3, 8, 8))
    np.save(tmp_path / "x.npy", array)
    feeds = make(Inputs(arrays={"x": (tmp_path / "x.npy", array * 2)}), {"x": (None, 3, None, None)})
    assert len(feeds) == 2
    np.testing.assert_array_equal(feeds[0]["x"], array.astype(np.float32))
    np.testing.assert_array_equal(feeds[1]["x"], (array * 2).astype(np.float32))


def test_the_second_sample_of_a_single_array_is_another_one_alike() -> None:
    array = np.random.default_rng(0).random((1, 3, 8, 8), np.float32) * 3 + 2
    first, second = (sample["x"] for sample in make(Inputs(arrays={"x": (array,)}), {"x": (1, 3, 8, 8)}))
    noise = second - 0.75 * first[..., ::-1]  # mirrored, under a quarter of noise
    assert -1e-6 < noise.min() < 0.1
    assert 1.1 < noise.max() < 1.2501
    assert second.min() >= 0
    assert second.max() <= 5


@pytest.mark.parametrize("value", [0, 1, -3])
def test_a_constant_array_is_not_its_own_second_sample(value: float) -> None:
    array = np.full((1, 4), value, np.float32)
    second = make(Inputs(arrays={"x": (array,)}), {"x": (1, 4)})[1]["x"]
    assert np.abs(second - array).max() > 0.01


def test_an_npz_serves_inputs_by_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", x=np.ones((1, 2)), z=np.zeros((1, 3)))
    path = tmp_path / "all.npz"
    sample = make(Inputs(arrays={"x": (path,), "z": (path,)}), {"x": (1, 2), "z": (1, 3)})[0]
    assert (sample["x"].sum(), sample["z"].sum()) == (2, 0)
    with pytest.raises(InvalidInput, match="has no array 'w'; it has 'x', 'z'"):
        make(Inputs(arrays={"w": (path,)}), {"w": (1, 2)})


@pytest.mark.parametrize(
    "array, message",
    [
        (np.array([[1, np.nan]]), "NaN or infinity"),
        (np.array([[1, 1e300]]), "NaN or infinity"),
        (np.array([["a", "b"]]), "not real numbers"),
        (np.ones((1, 3)), r"shape \(1, 3\) does not fit the model's \(1, 2\)"),
    ],
)
def test_arrays_that_can_not_be_fed(array: np.ndarray, message: str) -> None:
    with pytest.raises(ToolkitError, match=message):
        make(Inputs(arrays={"x": (array,)}), {"x": (1, 2)})


def test_a_second_array_of_another_shape_is_refused() -> None:
    with pytest.raises(ToolkitError, match=r"given array has shape \(2, 2\), not \(1, 2\)"):
        make(Inputs(arrays={"x": (np.ones((1, 2)), np.ones((2, 2)))}), {"x": (None, 2)})


def test_images_feed_the_input_with_three_channels(tmp_path: Path) -> None:
    Image.new("RGB", (9, 7), (255, 0, 51)).save(tmp_path / "a.png")
    feeds = make(
        Inputs(images=(tmp_path / "a.png",), shapes={"x": (2, 3, 4, 6)}), {"m": (1, 2), "x": (None, 3, None, 6)}
    )
    assert feeds[0]["x"].shape == (2, 3, 4, 6)
    np.testing.assert_allclose(feeds[0]["x"][:, :, 1, 1], [[1, 0, 0.2]] * 2, rtol=1e-6)
    assert np.abs(feeds[0]["x"] - feeds[1]["x"]).max() > 0.01


@pytest.mark.parametrize("declared", [{"x": (1, 1, 4, 4)}, {"x": (1, 3)}, {"x": (1, 3, 4, 4), "z": (1, 3, 4, 4)}])
def test_an_image_without_a_place_is_refused(declared: dict, tmp_path: Path) -> None:
    Image.new("RGB", (9, 7)).save(tmp_path / "a.png")
    with pytest.raises(ToolkitError, match="an image needs one input of shape"):
        make(Inputs(images=(tmp_path / "a.png",)), declared)


def test_an_image_and_a_file_for_one_input_are_refused(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    spec = Inputs(images=(tmp_path / "a.png",), arrays={"x": (np.ones((1, 3, 4, 4)),)})
    with pytest.raises(ToolkitError, match="which is it"):
        make(spec, {"x": (1, 3, 4, 4)})


def test_a_nudge_moves_every_value_by_a_millionth_of_itself_and_a_little_of_the_largest() -> None:
    array = np.float32([[8, -1, 0, 1e-20]])
    moved = nudged({"x": array})["x"]
    assert moved.dtype == np.float32
    np.testing.assert_allclose(np.abs(moved - array)[0], [8.8e-6, 1.8e-6, 8e-7, 8e-7], rtol=0.1)
    np.testing.assert_array_equal(nudged({"x": array})["x"], moved)


def test_an_input_of_zeros_is_nudged_as_an_image() -> None:
    np.testing.assert_allclose(np.abs(nudged({"x": np.zeros(5, np.float32)})["x"]), 1e-7)


def test_every_seed_and_range_is_a_sample() -> None:
    feeds = make(Inputs(seeds=(0, 1, 2), ranges={"x": ((0, 1), (-5, -4))}), {"x": (1, 8), "z": (1, 8)})
    assert len(feeds) == 6
    assert [round(float(sample["x"].min())) in (-5, -4) for sample in feeds] == [False, True] * 3
    np.testing.assert_allclose(feeds[0]["x"] - 5, feeds[1]["x"], atol=1e-6)
    np.testing.assert_array_equal(feeds[0]["z"], feeds[1]["z"])
    assert len({sample["z"].tobytes() for sample in feeds}) == 3
    assert len(make(Inputs(seeds=(0, 1), samples=3), DECLARED)) == 6


def test_given_samples_come_once() -> None:
    array = np.ones((1, 8), np.float32)
    feeds = make(Inputs(seeds=(0, 1), arrays={"x": (array, array * 2, array * 3)}), {"x": (1, 8)})
    assert [float(sample["x"][0, 0]) for sample in feeds[:3]] == [1, 2, 3]
    assert len(feeds) == 4


def test_batches_are_run_one_after_the_other() -> None:
    feeds = make(Inputs(batches=(1, 4)), DECLARED | {"z": (None, 7)})
    assert [sample["x"].shape[0] for sample in feeds] == [1, 1, 4, 4]
    assert [sample["z"].shape[0] for sample in feeds] == [1, 1, 4, 4]
    assert len({feeds[2]["x"][place].tobytes() for place in range(4)}) == 4


def test_given_samples_fill_a_batch_in_turn() -> None:
    arrays = tuple(np.full((1, 2), value, np.float32) for value in (1, 2, 3))
    feeds = make(Inputs(arrays={"x": arrays}, batches=(2,)), {"x": (None, 2)})
    assert [sample["x"][:, 0].tolist() for sample in feeds[:2]] == [[1, 2], [3, 1]]


def test_a_fixed_batch_can_not_be_another() -> None:
    with pytest.raises(ToolkitError, match=r"input 'z' has shape \(2, 7\): its batch can't be 4"):
        make(Inputs(batches=(4,)), DECLARED)
    assert len(make(Inputs(batches=(2,)), DECLARED)) == 2


def test_integers_where_the_model_takes_them() -> None:
    shapes = {"ids": (1, 500), "mask": (1, 500), "x": (1, 2)}
    kinds = {"ids": "int64", "mask": "bool"}
    first, second = make(Inputs(), shapes, kinds)
    assert (first["ids"].dtype, first["mask"].dtype, first["x"].dtype) == (np.int64, np.bool_, np.float32)
    assert set(first["ids"].ravel()) == set(range(10))
    assert set(first["mask"].ravel()) == {False, True}
    assert not np.array_equal(first["ids"], second["ids"])
    (wide, _) = make(Inputs(ranges={"ids": ((100, 103),)}), shapes, kinds)
    assert set(wide["ids"].ravel()) == {100, 101, 102, 103}
    given = make(Inputs(arrays={"ids": (np.float64([[3, 4]]),)}), {"ids": (1, 2)}, kinds)
    assert given[0]["ids"].tolist() == [[3, 4]]
    with pytest.raises(InvalidInput, match="holds numbers that are not int64"):
        make(Inputs(arrays={"ids": (np.float64([[3.5, 4]]),)}), {"ids": (1, 2)}, kinds)


def test_integers_are_not_nudged() -> None:
    moved = nudged({"ids": np.arange(9), "x": np.ones(9, np.float32)})
    assert moved["ids"].tolist() == list(range(9))
    assert (moved["x"] != 1).all()


def test_a_file_without_a_name_serves_all_inputs(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", x=np.ones((1, 2)), z=np.zeros((1, 3)))
    sample = make(Inputs(arrays={"": (tmp_path / "all.npz",)}), {"x": (1, 2), "z": (1, 3)})[0]
    assert (sample["x"].sum(), sample["z"].sum()) == (2, 0)


def test_a_folder_of_images_is_fed_in_order_and_prepared(tmp_path: Path) -> None:
    for name, colour in (("b.png", (0, 51, 255)), ("a.jpg", (255, 255, 255)), ("notes.txt", None)):
        if colour:
            Image.new("RGB", (8, 8), colour).save(tmp_path / name)
        else:
            (tmp_path / name).write_text("no image")
    wanted = Preprocessing(255, (100, 51, 55), (2, 1, 10), swap=True)
    feeds = make(Inputs(images=(tmp_path,), preprocessing=wanted), {"x": (1, 3, 4, 4)})
    assert len(feeds) == 2
    np.testing.assert_allclose(feeds[0]["x"][0, :, 0, 0], [20, 204, 77.5], atol=1e-3)
    np.testing.assert_allclose(feeds[1]["x"][0, :, 0, 0], [20, 0, -50], atol=1e-3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput, match="holds no image"):
        make(Inputs(images=(tmp_path / "empty",)), {"x": (1, 3, 4, 4)})


@pytest.mark.parametrize(
    "wanted, message",
    [
        (Preprocessing(mean=(1, 2)), "the mean has 2 numbers; the image has 3"),
        (Preprocessing(std=(0,)), "neither the scale nor a std may be 0"),
        (Preprocessing(scale=0), "neither the scale nor a std may be 0"),
    ],
)
def test_a_preprocessing_that_is_none(wanted: Preprocessing, message: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    with pytest.raises(ToolkitError, match=message):
        make(Inputs(images=(tmp_path / "a.png",), preprocessing=wanted), {"x": (1, 3, 4, 4)})
