from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from converters.errors import ToolkitError
from converters.preprocessing import Preprocessing
from toolkit.check import config
from toolkit.check.plan import jobs_of

Listed = Callable[[str], Path]


def test_a_list_of_names_is_enough(listed: Listed) -> None:
    found = config.load(listed('models = ["shufflenet_v2_x0.5", "torchvision:resnet18"]'))
    assert [one.name for one in found] == ["shufflenet_v2_x0.5", "torchvision:resnet18"]
    assert found[0] == config.Model("shufflenet_v2_x0.5", "shufflenet_v2_x0.5")


def test_every_key(listed: Listed, tmp_path: Path) -> None:
    for name in ("net.onnx", "net.pth", "x.npz", "my-npu.toml", "a.png"):
        (tmp_path / name).write_text("")
    (tmp_path / "photos").mkdir()
    first, second = config.load(
        listed("""
            dialects = ["portable", "bvlc"]
            tolerance = 1e-3
            inputs = { seeds = [1, 2] }

            [[models]]
            model = "a.py:net"
            name = "mine"
            weights = "net.pth"
            num_classes = 10
            image_size = 64
            keep_bn = false

            [[models]]
            model = "net.onnx"
            dialects = ["my-npu.toml"]
            styles = ["train"]
            runtimes = ["caffe", "opencv"]
            keep_shuffle = true
            outputs = ["y"]
            input_shapes = { x = [1, 3, 8, 8] }
            tolerance = 0
            tolerances = { y = 0.5 }
            constants = ["z"]
            float64 = true
            [models.inputs]
            samples = 3
            ranges = { x = [[-1, 1], [0, 255]] }
            files = ["x.npz"]
            images = ["photos", "a.png"]
            mean = [0.5]
            std = [2, 2, 2]
            scale = 255
            swap_rgb = true
            batch = [1, 4]
        """)
    )
    assert first == config.Model(
        "a.py:net",
        "mine",
        tmp_path / "net.pth",
        10,
        64,
        keep_bn=False,
        dialects=("portable", "bvlc"),
        tolerance=1e-3,
        seeds=(1, 2),
    )
    assert second == config.Model(
        str(tmp_path / "net.onnx"),
        "net.onnx",
        dialects=(str(tmp_path / "my-npu.toml"),),
        styles=("train",),
        runtimes=("caffe", "opencv"),
        keep_shuffle=True,
        outputs=("y",),
        input_shapes={"x": (1, 3, 8, 8)},
        tolerance=0,
        tolerances={"y": 0.5},
        constants=("z",),
        float64=True,
        seeds=(1, 2),
        samples=3,
        ranges={"x": ((-1, 1), (0, 255))},
        files=(tmp_path / "x.npz",),
        images=(tmp_path / "photos", tmp_path / "a.png"),
        mean=(0.5,),
        std=(2, 2, 2),
        scale=255,
        swap_rgb=True,
        batch=(1, 4),
    )
    assert second.image_preprocessing == Preprocessing(255, (0.5,), (2, 2, 2), True)


WRONG = {
    "": "models: there must be a list of names, or",
    "models = []": "models: there must be",
    "models = [3]": "models: there must be",
    "models = [": "is not a TOML file",
    'models = ["a", "a"]': "models: two are called 'a': give them names",
    '[[models]]\nname = "a"': r"models\[1\].model: is missing",
    '[[models]]\nmodel = "net.onnx"': r"models\[1\].model: there is no file '.*net.onnx'",
    'dialect = ["bvlc"]\nmodels = ["a"]': "dialect: is not a known key; did you mean dialects",
    'qqqqq = 1\nmodels = ["a"]': "qqqqq: is not a known key; known: .*tolerances",
    'seeds = [1]\nmodels = ["a"]': "seeds: is not a known key",
    'inputs = { dialects = ["bvlc"] }\nmodels = ["a"]': "inputs.dialects: is not a known key; did you mean",
    'inputs = ["x.npz"]\nmodels = ["a"]': "inputs: must be a table",
    'name = "a"\nmodels = ["a"]': "name: is not a known key",
    'dialects = ["bvcl"]\nmodels = ["a"]': "dialects: unknown dialect 'bvcl'",
    'dialects = []\nmodels = ["a"]': "dialects: must be a list",
    'dialects = "bvlc"\nmodels = ["a"]': "dialects: must be a list, not 'bvlc'",
    'dialects = ["npu.toml"]\nmodels = ["a"]': "dialects: .*npu.toml: cannot be read",
    'styles = ["fast"]\nmodels = ["a"]': "styles: 'fast' is not a known style; known: deploy, train",
    'runtimes = ["ncnn"]\nmodels = ["a"]': "runtimes: 'ncnn' is not a known runtime",
    'tolerance = 1\nmodels = ["a"]': "tolerance: must be a tolerance",
    'tolerance = true\nmodels = ["a"]': "tolerance: must be a tolerance",
    'tolerance = nan\nmodels = ["a"]': "tolerance: must be a tolerance",
    'tolerances = { y = "1" }\nmodels = ["a"]': "tolerances: must be a tolerance",
    'tolerances = [1]\nmodels = ["a"]': "tolerances: must be a table",
    'float64 = 1\nmodels = ["a"]': "float64: must be true or false, not 1",
    'inputs = { ranges = { x = [[1, 0]] } }\nmodels = ["a"]': "inputs.ranges: must be .low, high.",
    'inputs = { ranges = { x = [[1, 2, 3]] } }\nmodels = ["a"]': "inputs.ranges: must be a list of 2",
    'inputs = { files = ["x.npz"] }\nmodels = ["a"]': "inputs.files: there is no file",
    'inputs = { samples = 1 }\nmodels = ["a"]': "inputs.samples: must be an integer from 2 on",
    'input_shapes = { x = [1, 0] }\nmodels = ["a"]': "input_shapes: must be a positive integer, not 0",
    '[[models]]\nmodel = "a"\nweights = "net.pth"': r"models\[1\].weights: there is no file",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_by_its_key(text: str, listed: Listed) -> None:
    with pytest.raises(ToolkitError, match=f"parity.toml:? {WRONG[text]}"):
        config.load(listed(text))


def test_keys_of_torch_mean_nothing_for_a_file(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("")
    with pytest.raises(ToolkitError, match=r"models\[1\].num_classes: means nothing for an ONNX file"):
        config.load(listed('[[models]]\nmodel = "net.onnx"\nnum_classes = 3'))


def test_the_repositorys_own_list_covers_every_width_and_dialect() -> None:
    found = config.load(Path(__file__).parents[2] / "parity.toml")
    widths = [f"shufflenet_v2_x{width}" for width in ("0.25", "0.33", "0.5", "1.0", "1.5", "2.0")]
    assert [one.model for one in found[:6]] == widths
    assert all(len(one.dialects) == 7 for one in found[:6])


def model(**more: object) -> config.Model:
    return config.Model("net", "net", **more)  # type: ignore[arg-type]


def test_jobs_are_exports_and_then_every_combination() -> None:
    found = jobs_of([model(dialects=("portable", "bvlc"), styles=("deploy", "train"))])
    assert [(job.number, job.dialect, job.style, job.runtimes) for job in found] == [
        (0, "", "", ()),
        (1, "portable", "deploy", ("opencv", "caffe")),
        (2, "portable", "train", ("opencv", "caffe")),
        (3, "bvlc", "deploy", ("caffe",)),
        (4, "bvlc", "train", ("caffe",)),
    ]


def test_engines_that_do_not_speak_a_dialect_are_left_out() -> None:
    found = jobs_of([model(dialects=("portable", "bvlc"), runtimes=("opencv", "torch"))])
    assert [(job.dialect, job.runtimes) for job in found] == [("", ("torch",)), ("portable", ("opencv",))]


def test_only_what_is_asked_for() -> None:
    models = [model(dialects=("portable", "bvlc")), config.Model("b.onnx", "b")]
    assert [(job.model, job.dialect, job.runtimes) for job in jobs_of(models, ["net / bvlc"])] == [
        (0, "", ()),
        (0, "bvlc", ("caffe",)),
    ]
    assert [(job.model, job.dialect, job.runtimes) for job in jobs_of(models, ["b / * / opencv", "nothing"])] == [
        (1, "portable", ("opencv",))
    ]
    assert jobs_of(models, ["nothing"]) == ()
