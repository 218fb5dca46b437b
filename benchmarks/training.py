"""What do packed images and the training loop cost, against what one would write by hand?

python -m benchmarks.training [WIDTH]         one thread, processor time, everybody in turn

Loader: squares of 224 from a packed data set, against decoding and resizing the originals (JPEG, 500x375) as
torchvision's ImageFolder does. Loop: `toolkit train` from packed images, and from a folder, against a bare torch loop
(forward, loss, backward, SGD) on one batch that lies in memory.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from PIL import Image

from benchmarks.tables import print_table
from toolkit import models
from toolkit.benchmark.spread import ratio
from toolkit.data.encoding import Form
from toolkit.data.packing import pack
from toolkit.data.sets import Images, open_images
from toolkit.train import loader
from toolkit.train.loop import Schedule, Watch, train
from toolkit.train.recipe import Recipe

PHOTO = Path(__file__).parents[1] / "fixtures" / "photo.jpg"
COUNT, BATCH, STEPS = 64, 32, 4
Seconds = Callable[[], float]


def originals(folder: Path) -> Path:
    """Photographs of the size that ImageNet's have on average: parts of our one, in two classes."""
    photo = Image.open(PHOTO).convert("RGB")
    for index in range(COUNT):
        place = folder / "originals" / str(index % 2)
        place.mkdir(parents=True, exist_ok=True)
        left, top = index % 8 * photo.width // 32, index // 8 * photo.height // 32
        part = photo.crop((left, top, left + photo.width * 3 // 4, top + photo.height * 3 // 4))
        part.resize((500, 375), Image.Resampling.BICUBIC).save(place / f"{index}.jpg", quality=90)
    return folder / "originals"


def reading(images: Images) -> Seconds:
    """Processor time of one epoch of training squares, a batch at a time."""
    recipe = Recipe(batch=BATCH, iterations=COUNT // BATCH)

    def measure() -> float:
        began = time.process_time()
        for _ in loader.batches(loader.training(images, recipe, 0, 0, 1, 0)):
            pass
        return (time.process_time() - began) / COUNT

    return measure


def bare(model: str) -> Seconds:
    """Processor time an image of a loop without any data."""
    module = models.create(model, num_classes=2).train()
    optimiser = torch.optim.SGD(module.parameters(), 1e-4, 0.9, nesterov=True)
    x, labels = torch.rand(BATCH, 224, 224, 3).permute(0, 3, 1, 2), torch.arange(BATCH) % 2

    def measure() -> float:
        began = time.process_time()
        for _ in range(STEPS):
            optimiser.zero_grad(set_to_none=True)
            torch.nn.functional.cross_entropy(module(x), labels).backward()
            optimiser.step()
        return (time.process_time() - began) / STEPS / BATCH

    return measure


def looping(model: str, images: Images, runs: Iterator[Path]) -> Seconds:
    """Processor time an image of `toolkit train`, without its start and its end."""
    recipe = Recipe(model, batch=BATCH, iterations=STEPS + 2, lr=1e-4)

    def measure() -> float:
        times: list[float] = []
        watch = Watch(on_step=lambda done, total: times.append(time.process_time()))
        train(recipe, images, next(runs), schedule=Schedule(workers=0), watch=watch)
        return (times[STEPS] - times[0]) / STEPS / BATCH

    return measure


def race(title: str, yardstick: str, everybody: dict[str, Seconds], rounds: int) -> None:
    """Everybody once a round; the table of images a second and of the ratios to the yardstick."""
    found: dict[str, list[float]] = {name: [] for name in everybody}
    for number in range(rounds + 1):
        for name, measure in everybody.items():
            seconds = measure()
            if number:  # the first round warms up
                found[name].append(seconds)
    rows = []
    for name, seconds in found.items():
        spread = ratio(seconds, found[yardstick])
        rows.append([name, f"{1 / min(seconds):.0f}", f"{spread.middle:.3f} ({spread.low:.3f}-{spread.high:.3f})"])
    print_table(("", "images/s at best", "time, ratio (95 %)"), rows, title)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("width", nargs="?", default="0.25")
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(1)
    model = f"shufflenet_v2_x{given.width}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = originals(folder)
        pack(source, folder / "packed.lmdb", Form())
        pack(source, folder / "raw.lmdb", Form(encoding="raw"))
        photos, packed, raw = (open_images(folder / path) for path in ("originals", "packed.lmdb", "raw.lmdb"))
        runs = (folder / f"run-{number}" for number in range(10_000))
        readers = {"originals": reading(photos), "packed": reading(packed), "packed, raw": reading(raw)}
        race("loader, one process", "originals", readers, given.rounds)
        loops = {
            "bare loop": bare(model),
            "toolkit train, packed": looping(model, packed, runs),
            "toolkit train, originals": looping(model, photos, runs),
        }
        race(f"{model} at 224, batch {BATCH}", "bare loop", loops, given.rounds)


if __name__ == "__main__":
    main()
