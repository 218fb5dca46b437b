"""A path -> labelled images, whatever holds them: a folder of classes, an LMDB of ours, an LMDB of Caffe's."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from converters.errors import InvalidInput
from toolkit.data import database, datum, folder, record
from toolkit.data.probe import BESIDE, key_of
from toolkit.images import open_rgb

if TYPE_CHECKING:
    from PIL.Image import Image


class Images(Protocol):
    """A data set: as many images as its length, each with a label below the number of classes."""

    @property
    def path(self) -> Path:
        """Where the set lies."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes' names, in the order of their numbers."""

    def __len__(self) -> int: ...

    def read(self, index: int) -> Labelled:
        """One image with its class."""


@dataclass(frozen=True)
class Labelled:
    """One decoded RGB image, its label and its name."""

    image: Image
    label: int
    name: str


@dataclass(frozen=True)
class Folder:
    """A folder with a subfolder for each class."""

    path: Path
    classes: tuple[str, ...]
    items: tuple[folder.Item, ...]

    def __len__(self) -> int:
        return len(self.items)

    def read(self, index: int) -> Labelled:
        """Open, decode."""
        item = self.items[index]
        return Labelled(open_rgb(item.path, str(item.path)), item.label, item.name)


@dataclass(frozen=True)
class Packed:
    """What `toolkit pack-dataset` wrote. `meta` is its metadata: classes, statistics, how it was packed."""

    path: Path
    classes: tuple[str, ...]
    length: int
    meta: dict[str, Any]

    def __len__(self) -> int:
        return self.length

    def record(self, index: int) -> record.Record:
        """The record, still encoded."""
        return record.unpack(_stored(self.path, key_of(index)), f"{self.path}, record {index}")

    def read(self, index: int) -> Labelled:
        """Read, check, decode."""
        found = self.record(index)
        return Labelled(found.image(), _label(found.label, self.classes, found.name), found.name)


@dataclass(frozen=True)
class Datums:
    """An LMDB of Caffe's Datum messages, as convert_imageset writes it. Its classes have numbers, no names."""

    path: Path
    classes: tuple[str, ...]
    keys: tuple[bytes, ...]

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, index: int) -> Labelled:
        """Read, decode; Caffe's BGR becomes RGB."""
        name = self.keys[index].decode("utf-8", "backslashreplace")
        image, label = datum.read(_stored(self.path, self.keys[index]), f"{self.path}, {name}")
        return Labelled(image, _label(label, self.classes, name), name)


@dataclass(frozen=True)
class Relabelled:
    """A data set whose labels are numbered as another one's classes are: `numbers[label]`."""

    source: Images
    classes: tuple[str, ...]
    numbers: tuple[int, ...]

    @property
    def path(self) -> Path:
        """Where the set lies."""
        return self.source.path

    def __len__(self) -> int:
        return len(self.source)

    def read(self, index: int) -> Labelled:
        """The source's image, its label renumbered."""
        found = self.source.read(index)
        return replace(found, label=self.numbers[found.label])


def open_images(path: Path, classes: tuple[str, ...] = ()) -> Images:
    """Open the data set at `path`; with `classes`, its labels are matched to these by name."""
    found: Images
    if not path.is_dir():
        raise InvalidInput(f"{path} is not a data set: neither a folder of classes nor an LMDB folder")
    found = _database(path) if (path / "data.mdb").is_file() else Folder(path, *folder.listing(path))
    return _relabelled(found, classes) if classes and classes != found.classes else found


def _relabelled(found: Images, classes: tuple[str, ...]) -> Images:
    if isinstance(found, Datums) and not (found.path / BESIDE).exists():  # numbers without names: the network's own
        if len(found.classes) > len(classes):
            raise InvalidInput(
                f"{found.path} has labels up to {len(found.classes) - 1}; there are {len(classes)} classes"
            )
        return replace(found, classes=classes)
    places = {name: number for number, name in enumerate(classes)}
    if strangers := [name for name in found.classes if name not in places]:
        raise InvalidInput(f"{found.path} has the class '{strangers[0]}', not one of the {len(classes)} classes")
    return Relabelled(found, classes, tuple(places[name] for name in found.classes))


def _database(path: Path) -> Images:
    found = database.contents(path)
    if found.meta:
        meta = _metadata(found, path)
        return Packed(path, tuple(meta["classes"]), found.entries - 1, meta)
    if not found.entries:
        raise InvalidInput(f"{path} is an empty LMDB")
    datum.read(found.first, f"{path}, its first entry")
    with database.environment(path).begin(buffers=True) as transaction:
        labels = {bytes(key): datum.label(value, f"{path}, {bytes(key)!r}") for key, value in transaction.cursor()}
    numbers = tuple(map(str, range(max(labels.values()) + 1)))
    return Datums(path, _named(path / BESIDE, len(labels)) or numbers, tuple(labels))


def _named(path: Path, entries: int) -> tuple[str, ...]:
    """The classes that `toolkit pack-dataset` wrote beside a database of Caffe's; none where others wrote it."""
    if not path.is_file():
        return ()
    content = path.read_text("utf-8", "replace")
    return tuple(_metadata(database.Contents(entries + 1, content, b""), path)["classes"])


def _metadata(found: database.Contents, path: Path) -> dict[str, Any]:
    """Our own metadata, checked: a list of class names and the number of images."""
    try:
        meta = json.loads(found.meta)
        sound = all(isinstance(name, str) for name in meta["classes"]) and meta["images"] == found.entries - 1
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} has broken metadata: {error}") from error
    if not sound or not meta["classes"]:
        raise InvalidInput(f"{path} has metadata that do not fit its {found.entries - 1} images")
    return dict(meta)


def _stored(path: Path, key: bytes) -> bytes:
    with database.environment(path).begin() as transaction:
        found = transaction.get(key)
    if found is None:
        raise InvalidInput(f"{path} has no entry {key!r}")
    return bytes(found)


def _label(label: int, classes: tuple[str, ...], name: str) -> int:
    if not 0 <= label < len(classes):
        raise InvalidInput(f"{name} has the label {label}; there are {len(classes)} classes")
    return label
