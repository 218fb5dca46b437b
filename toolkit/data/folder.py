"""A folder with a subfolder for each class -> its images and their labels, the same list on every machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from converters.errors import InvalidInput
from toolkit.images import SUFFIXES


@dataclass(frozen=True)
class Item:
    """An image file, its name within the folder, and the number of its class."""

    path: Path
    name: str
    label: int


def listing(folder: Path) -> tuple[tuple[str, ...], tuple[Item, ...]]:
    """The classes (names of the subfolders, sorted) and all images below them by name, as torchvision numbers them."""
    classes = tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_dir()))
    if not classes:
        raise InvalidInput(f"{folder} has no subfolders; it needs one for each class, with the images in it")
    items = [
        Item(path, path.relative_to(folder).as_posix(), label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).rglob("*"), key=Path.as_posix)
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not items:
        raise InvalidInput(f"the subfolders of {folder} hold no image ({', '.join(SUFFIXES)})")
    return classes, tuple(items)
