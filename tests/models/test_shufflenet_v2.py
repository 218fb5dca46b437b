"""The network against what is published of it: keys, shapes, numbers, sizes."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

from converters.errors import ToolkitError
from fixtures import make
from toolkit.models.shufflenet_v2 import CHANNELS, ShuffleNetV2, width_of

# SHA-256 (first 16 digits) of the published checkpoints' "key [shape]" lines, in their order
KEYS = {
    0.25: "d2cc1b01ef3d4c3b",
    0.33: "b0d54aee8d2eeba0",
    0.5: "0fa78aa0a287459f",
    1.0: "633491335795a40f",
    1.5: "9082b4f1ac21d794",
    2.0: "2715b38dc04ba722",
}


def filled(width: float, **sizes: int) -> ShuffleNetV2:
    model = ShuffleNetV2(width, **sizes).eval()
    model.load_state_dict(make.state_dict(model.state_dict()))
    return model


@pytest.mark.parametrize("width", KEYS)
def test_the_state_dict_has_the_published_keys_and_shapes(width: float) -> None:
    state = ShuffleNetV2(width).state_dict()
    lines = "\n".join(f"{key} {list(value.shape)}" for key, value in state.items())
    assert hashlib.sha256(lines.encode()).hexdigest()[:16] == KEYS[width]


def test_every_width_is_published() -> None:
    assert list(CHANNELS) == list(KEYS) == list(make.WIDTHS)


@pytest.mark.parametrize("width", [0.25, 1.0])
def test_the_logits_are_the_original_networks(width: float) -> None:
    with np.load(make.LOGITS) as reference:
        want = reference[f"x{width}"]
    with torch.inference_mode():
        got = filled(width)(torch.from_numpy(make.reference_images())).numpy()
    assert np.abs(got - want).max() <= 1e-5 * np.abs(want).max()


@pytest.mark.parametrize("width", [0.25, 1.5])
def test_the_demonstration_weights_answer_to_the_photo(width: float) -> None:
    """Agreement between engines proves nothing about a network whose output does not follow its input."""
    from PIL import Image

    photo = np.asarray(Image.open(make.PHOTO).resize((224, 224)), np.float32) / 255
    image = torch.from_numpy(photo.transpose(2, 0, 1)[None].copy())
    with torch.inference_mode():
        still, moved = filled(width)(torch.cat([image, image.roll(8, 3)]))
    assert (moved - still).abs().max() > 1e-3 * still.abs().max()


@pytest.mark.parametrize(("classes", "size"), [(1, 32), (10, 96), (7, 256)])
def test_any_number_of_classes_and_any_multiple_of_32(classes: int, size: int) -> None:
    model = ShuffleNetV2(0.25, classes, size).eval()
    with torch.inference_mode():
        assert model(torch.zeros(2, 3, size, size)).shape == (2, classes)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"width": 0.75}, "no width 0.75; the widths are 0.25, 0.33, 0.5, 1.0, 1.5, 2.0"),
        ({"image_size": 100}, "image size 100 is not a positive multiple of 32"),
        ({"image_size": 0}, "image size 0 is not"),
        ({"num_classes": 0}, "one class at least, not 0"),
    ],
)
def test_what_it_is_not_made_for_is_refused(arguments: dict[str, float], reason: str) -> None:
    with pytest.raises(ToolkitError, match=reason):
        ShuffleNetV2(**arguments)


def test_an_image_of_another_size_is_refused_rather_than_flattened_into_more_logits() -> None:
    with pytest.raises(ValueError, match="takes 3x64x64 images, not 3x96x96"):
        ShuffleNetV2(0.25, image_size=64)(torch.zeros(1, 3, 96, 96))


def test_convolutions_start_kaiming_normal_by_fan_out() -> None:
    torch.manual_seed(0)
    weight = ShuffleNetV2(2.0).state_dict()["network.6.0.weight"]
    assert weight.std().item() == pytest.approx((2 / weight.shape[0]) ** 0.5, rel=0.01)
    assert abs(weight.mean().item()) < 1e-3


@pytest.mark.parametrize("width", KEYS)
def test_the_width_is_told_from_the_shapes(width: float) -> None:
    shapes = {key: tuple(value.shape) for key, value in ShuffleNetV2(width, num_classes=3).state_dict().items()}
    assert width_of(shapes) == width
    assert width_of({"network.6.0.weight": (9, 9, 1, 1)}) is None
    assert width_of({}) is None


def test_every_layer_name_belongs_to_a_module_and_is_given_once() -> None:
    model = ShuffleNetV2(0.25)
    modules = dict(model.named_modules())
    names = model.layer_names()
    flat = [name for value in names.values() for name in ([value] if isinstance(value, str) else value)]
    assert len(set(flat)) == len(flat)
    leaves = {path for path, module in modules.items() if not any(module.children())}
    assert set(names) == leaves
