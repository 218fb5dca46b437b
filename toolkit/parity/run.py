"""What one engine computed from which inputs: recorded, saved as .npz + .json, and read back on any machine."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from toolkit.parity.files import read_arrays
from toolkit.parity.inputs import Feeds
from toolkit.runners.base import Runner

FORMAT = 1
MAX_JSON_BYTES = 2**24
Outputs = dict[str, np.ndarray]


@dataclass(frozen=True)
class Run:
    """One engine, one model, some samples. `noise` says how far each output moves when the inputs move by 1e-6.

    `shaken` says it for each sample.
    """

    runtime: str
    version: str
    model: str
    inputs: tuple[Feeds, ...]
    outputs: tuple[Outputs, ...]
    seconds: tuple[float, ...] = ()
    noise: Mapping[str, float] = field(default_factory=dict)
    meta: Mapping[str, str] = field(default_factory=dict)
    shaken: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def record(
    runner: Runner, model: str, feeds: Sequence[Feeds], on_step: Callable[[str], None] = lambda text: None
) -> Run:
    """Run an entered runner on every sample."""
    outputs, seconds = [], []
    for index, sample in enumerate(feeds, 1):
        on_step(f"{runner.name}: sample {index} of {len(feeds)}")
        outputs.append(dict(runner.run(sample)))
        seconds.append(runner.seconds)
    return Run(runner.name, runner.version, model, tuple(feeds), tuple(outputs), tuple(seconds))


def save(run: Run, path: Path) -> tuple[Path, Path]:
    """Write a run; both files are complete before either gets its name, and the first holds the other's hash.

    Args:
        run: what was computed.
        path: of the files without suffix; folders that are missing are made.

    Returns:
        `path`.json and `path`.npz.

    Raises:
        ToolkitError: the run holds something else than real numbers.
        OSError: the files can't be written.
    """
    table, arrays = path.with_name(f"{path.name}.json"), path.with_name(f"{path.name}.npz")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = [file.with_name(f".{file.name}.{os.getpid()}") for file in (arrays, table)]
    try:
        with temporary[0].open("wb") as stream:
            np.savez(stream, **_numbered(run))  # type: ignore[arg-type]  # its own keyword is a bool
        temporary[1].write_text(json.dumps(_described(run, temporary[0]), indent=2), "utf-8")
        temporary[0].replace(arrays)
        temporary[1].replace(table)
    finally:
        for file in temporary:
            file.unlink(missing_ok=True)
    return table, arrays


def load(path: Path) -> Run:
    """Read what `save` wrote.

    Args:
        path: of the .json; the .npz is read from beside it.

    Raises:
        InvalidInput: a file is missing, broken, too large, or not of this run.
    """
    arrays_path = path.with_suffix(".npz")
    found = _read_json(path)
    try:
        if found["format"] != FORMAT:
            raise InvalidInput(f"{path} is of format {found['format']}; this version reads {FORMAT}")
        if found["sha256"] != _digest(arrays_path):
            raise InvalidInput(f"{path} and {arrays_path.name} are not of one run, or one of them was changed")
        arrays = read_arrays(arrays_path)
        run = Run(
            runtime=str(found["runtime"]),
            version=str(found["version"]),
            model=str(found["model"]),
            inputs=_restored("in", found["inputs"], arrays),
            outputs=_restored("out", found["outputs"], arrays),
            seconds=tuple(map(float, found["seconds"])),
            noise={str(name): _number(value) for name, value in found["noise"].items()},
            shaken={str(name): tuple(map(_number, values)) for name, values in found.get("shaken", {}).items()},
            meta={str(key): str(value) for key, value in found["meta"].items()},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{path} is not a saved run: {type(error).__name__} {error}") from error
    _check_samples(run, path)
    return run


def _check_samples(run: Run, path: Path) -> None:
    """Every sample has inputs and outputs, and all of the same names."""
    if not run.inputs or len(run.inputs) != len(run.outputs):
        raise InvalidInput(f"{path} holds {len(run.inputs)} inputs, {len(run.outputs)} outputs: not a saved run")
    for samples in (run.inputs, run.outputs):
        if any(sample.keys() != samples[0].keys() for sample in samples):
            raise InvalidInput(f"{path}: the samples differ in their names")


def _numbered(run: Run) -> dict[str, np.ndarray]:
    """Arrays under plain keys: a value's name may hold anything, and a zip member's name should not."""
    numbered = {
        f"{side}.{sample}.{index}": array
        for side, samples in (("in", run.inputs), ("out", run.outputs))
        for sample, found in enumerate(samples)
        for index, array in enumerate(found.values())
    }
    if any(array.dtype.kind not in "fiub" for array in numbered.values()):  # numpy would pickle them
        raise ToolkitError(f"the run of {run.model} in {run.runtime} holds more than real numbers: it can't be saved")
    return numbered


def _described(run: Run, arrays: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "runtime": run.runtime,
        "version": run.version,
        "model": run.model,
        "sha256": _digest(arrays),
        "inputs": [list(sample) for sample in run.inputs],
        "outputs": [list(sample) for sample in run.outputs],
        "seconds": list(run.seconds),
        "noise": {name: value if np.isfinite(value) else None for name, value in run.noise.items()},
        "shaken": {name: [x if np.isfinite(x) else None for x in values] for name, values in run.shaken.items()},
        "meta": dict(run.meta),
    }


def _restored(side: str, names: list[list[str]], arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], ...]:
    return tuple(
        {str(name): arrays[f"{side}.{sample}.{index}"] for index, name in enumerate(found)}
        for sample, found in enumerate(names)
    )


def _number(value: float | None) -> float:
    return float("inf") if value is None else float(value)


def _read_json(path: Path) -> Any:
    try:
        if path.stat().st_size > MAX_JSON_BYTES:
            raise InvalidInput(f"{path} has {path.stat().st_size} bytes: too large for a saved run")
        return json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not a saved run: it is not JSON ({error})") from error


def _digest(path: Path) -> str:
    try:
        hashed = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(2**20):
                hashed.update(block)
        return hashed.hexdigest()
    except OSError as error:
        raise InvalidInput(f"{path} can't be read: {error.strerror}") from error
