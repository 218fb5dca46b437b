"""onnxruntime on the CPU: the oracle, so by default it computes what the file says with nothing rewritten."""

from __future__ import annotations

import importlib.util
import json
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from converters.errors import InvalidInput, ToolkitError
from toolkit.onnx_file import FLOAT32, OWN, PRECISION, read_onnx, reduced, structure
from toolkit.runners.base import (
    ORACLE,
    Arrays,
    RunnerError,
    Target,
    Traits,
    installed,
    need_feeds,
    need_file,
    need_outputs,
    runtime,
    settings,
)

LEVELS = {
    "disabled": "ORT_DISABLE_ALL",
    "basic": "ORT_ENABLE_BASIC",
    "extended": "ORT_ENABLE_EXTENDED",
    "all": "ORT_ENABLE_ALL",
}
KERNEL = "_kernel_time"  # behind a node's name in the record of a profile
PROFILED = 5  # runs
Event = Mapping[str, Any]
DTYPES = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(bool)": "bool"}


GET = "pip install onnxruntime"


def missing() -> str:
    """'' where it is installed, else what to do."""
    return "" if importlib.util.find_spec("onnxruntime") else f"onnxruntime is not installed: {GET}"


@runtime(
    ORACLE,
    reads=(".onnx",),
    missing=missing,
    traits=Traits("onnxruntime", timed={"profile": "on"}),
    get=GET,
    version=lambda: installed("onnxruntime", "onnxruntime-gpu"),
)
class OnnxRuntime:
    """An ONNX file on the CPU, one node after the other. Any value in the main graph may be an output.

    Options: optimisation is disabled (default), basic, extended or all; profile=on times every node in the first run,
    the fastest of several: by its first output, or where nodes may have been merged as onnxruntime calls them;
    precision=float32 runs the float32 network that a model in half precision stands for.
    """

    name = ORACLE

    def __init__(self, target: Target) -> None:
        self.target = target
        options = settings(target, {"optimisation": tuple(LEVELS), "profile": ("off", "on"), PRECISION: (OWN, FLOAT32)})
        self.precision = options[PRECISION]
        self.optimisation, self.profile = options["optimisation"], options["profile"] == "on"
        self.inputs: dict[str, tuple[int | None, ...]] = {}
        self.values: Collection[str] = ()
        self.dtypes: Mapping[str, str] = {}
        self.version, self.seconds = "", 0.0
        self.layer_seconds: Mapping[str, float] = {}
        self.plain = ""

    def __enter__(self) -> OnnxRuntime:
        import onnxruntime

        path = need_file(Path(self.target.path))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.target.threads, 1
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[self.optimisation])
        options.log_severity_level = 4  # what goes wrong is raised; a log on stderr would say it twice
        # Lets a model that comes as bytes find its external weights.
        options.add_session_config_entry("session.model_external_initializers_file_folder_path", str(path.parent))
        other = self.precision == FLOAT32 and reduced(path)
        proto = read_onnx(path, FLOAT32) if other else None
        graph = (proto or structure(path)).graph if other or self.target.outputs or self.profile else None
        self.nodes = list(graph.node) if graph else []
        self.values = [value for node in self.nodes for value in node.output if value]
        own = {value.name for value in graph.output} if graph else set()
        model: str | bytes = str(path)
        if proto or not own.issuperset(self.target.outputs):
            model = _with_outputs(path, proto or read_onnx(path), self.target.outputs)
        with ExitStack() as stack:
            if self.profile:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="profile-"))
                options.enable_profiling, options.profile_file_prefix = True, f"{folder}/nodes"
            self.session = _open(path, model, options)
            self.stack = stack.pop_all()
        kinds = {value.name: _dtype(value.type) for value in self.session.get_inputs()}
        self.dtypes = {name: kind for name, kind in kinds.items() if kind != "float32"}
        self.inputs = {
            value.name: tuple(size if isinstance(size, int) else None for size in value.shape)
            for value in self.session.get_inputs()
        }
        self.outputs = list(self.target.outputs) or [value.name for value in self.session.get_outputs()]
        threads = f"{self.target.threads} thread{'s' if self.target.threads > 1 else ''}"
        note = "" if self.optimisation == "disabled" else f", optimisation {self.optimisation}"
        note += f", {other} read in float32" if other else ""
        self.version = f"onnxruntime {onnxruntime.__version__}, CPU, {threads}{note}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.session
        self.stack.close()

    def run(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run once; feeds are cast to the types of the inputs where that loses nothing but precision."""
        need_feeds(self.name, feeds, self.inputs)
        plain = {name: self._cast(name, array) for name, array in feeds.items()}
        try:
            if self.profile and not self.layer_seconds:
                return self._profiled(plain)
            found, self.seconds = self._timed(plain)
        except _failures() as error:
            raise RunnerError(f"onnxruntime: {_sentence(error)}") from error
        return found

    def _timed(self, feeds: Arrays) -> tuple[dict[str, np.ndarray], float]:
        began = time.perf_counter()
        found = self.session.run(self.outputs, feeds)
        seconds = time.perf_counter() - began
        return {name: np.asarray(value) for name, value in zip(self.outputs, found, strict=True)}, seconds

    def _profiled(self, feeds: Arrays) -> dict[str, np.ndarray]:
        """Run several times and keep the times of the fastest run. Ends the profiling.

        The very first run also allocates, and would be told as slow.
        """
        runs = [self._timed(feeds) for _ in range(1 + PROFILED)]
        file = Path(self.session.end_profiling())
        fastest = min(range(1, len(runs)), key=lambda at: runs[at][1])
        found, self.seconds = runs[fastest]
        self.layer_seconds = kernel_times(json.loads(file.read_text("utf-8")), fastest, self._named())
        return found

    def _named(self) -> Callable[[Event], str]:
        """What a timed node is called.

        Unmerged it is the first output of the file's node at its place, where onnxruntime counts no Constants. A merged
        one, or one of another graph, has no place in the file: it goes by onnxruntime's name for it.
        """
        nodes = [node for node in self.nodes if node.op_type != "Constant"] if self.optimisation == "disabled" else []

        def name(event: Event) -> str:
            index, kind = int(event["args"]["node_index"]), event["args"].get("op_name", "")
            title = str(event["name"]).removesuffix(KERNEL)
            if index < len(nodes) and title == (nodes[index].name or f"{kind}_{index}"):
                return next(filter(None, nodes[index].output), title)
            return f"{kind} {title}"

        return name

    def _cast(self, name: str, array: np.ndarray) -> np.ndarray:
        dtype = np.dtype(self.dtypes.get(name, "float32"))
        if not np.can_cast(array.dtype, dtype, "same_kind"):
            raise RunnerError(f"{self.name}: input '{name}' takes {dtype}, it was fed {array.dtype}")
        return array.astype(dtype)


def kernel_times(events: Sequence[Event], run: int, named: Callable[[Event], str]) -> dict[str, float]:
    """onnxruntime's own record -> the seconds of each node in one run; those of one name together.

    What runs inside another node (the body of an If or a Loop) is in that node's time already.
    """
    whole = sorted((event for event in events if event["name"] == "model_run"), key=_began)[run]
    inside = (event for event in events if event["name"].endswith(KERNEL) and _began(whole) <= _began(event))
    found: dict[str, float] = {}
    free = 0
    for event in sorted(inside, key=lambda event: (_began(event), -event["dur"])):
        if free <= _began(event) <= _began(whole) + whole["dur"]:
            free = _began(event) + event["dur"]
            found[named(event)] = found.get(named(event), 0.0) + event["dur"] / 1e6
    return found


def _began(event: Event) -> int:
    return int(event["ts"])


def _dtype(kind: str) -> str:
    """onnxruntime's name of a tensor type -> numpy's."""
    return DTYPES.get(kind) or kind.removeprefix("tensor(").removesuffix(")")


def _with_outputs(path: Path, model: Any, wanted: tuple[str, ...]) -> bytes:
    """The model with the wanted values as its outputs; onnxruntime infers the types of those that say none."""
    import onnx

    graph = model.graph
    known = {value for node in graph.node for value in node.output if value}
    need_outputs(OnnxRuntime.name, wanted, known)
    declared = {value.name: value for value in graph.output}
    outputs = [declared.get(name) or onnx.ValueInfoProto(name=name) for name in wanted or declared]
    del graph.output[:]
    graph.output.extend(outputs)
    try:
        return bytes(model.SerializeToString())
    except ValueError as error:  # protobuf's own limit
        raise InvalidInput(f"{path}: with its weights it is over 2 GiB, more than a caffemodel holds") from error


def _failures() -> tuple[type[Exception], ...]:
    """onnxruntime's exceptions have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    ours = (state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf, state.NoModel, state.NotFound)
    return (*ours, state.NoSuchFile, state.RuntimeException, state.EPFail, ValueError, RuntimeError)


def _open(path: Path, model: str | bytes, options: Any) -> Any:
    """Make a session. An operator that onnxruntime lacks is a RunnerError, any other refusal means a broken file."""
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    if isinstance(model, str) and model != model.encode("utf-8", "ignore").decode():
        raise ToolkitError(f"onnxruntime can't open {path}: the path is not UTF-8; rename the file or its folder")
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except state.NotImplemented as error:
        raise RunnerError(f"onnxruntime: {_sentence(error)}") from error
    except _failures() as error:
        raise InvalidInput(f"{path} is not a valid ONNX model: {_sentence(error)}") from error


def _sentence(error: Exception) -> str:
    """onnxruntime's own words on one line, without its error number."""
    return " ".join(str(error).rpartition("] : ")[2].split())[:700]
