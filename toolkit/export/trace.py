"""nn.Module -> raw onnx_ir.Model through torch.export and torch's current ONNX exporter, without its noise."""

from __future__ import annotations

import inspect
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import onnx_ir as ir
import torch
from torch import nn

from converters.errors import Remedy, ToolkitError, listed
from converters.onnx.notes import frames
from toolkit.export.errors import ExportError
from toolkit.export.explain import explain, missing_operation
from toolkit.export.opsets import NATIVE_OPSET
from toolkit.export.source import innermost

Shapes = Mapping[str, Sequence[int]]


def trace(module: nn.Module, shapes: Shapes, dynamic_batch: bool) -> tuple[ir.Model, list[str]]:
    """The untidied graph of `module` in eval mode, and what its outputs are called.

    Shapes are those of random example inputs; with `dynamic_batch` dimension 0 of every input is left open as `batch`.
    """
    args = _examples(module, shapes, dynamic_batch)
    batch = torch.export.Dim("batch") if dynamic_batch else None
    dynamic = tuple({0: batch} for _ in args) if batch is not None else None
    name = type(module).__name__
    with _eval_mode(module), _silence():
        try:
            program = torch.export.export(module, args, dynamic_shapes=dynamic)
        except Exception as error:  # the model's own code runs here and may raise anything
            fed = ", ".join(f"{key} {'x'.join(map(str, shape))}" for key, shape in shapes.items())
            hint = Remedy(f"it was fed {fed}: if that is not what it takes, say what is", "input_shapes")
            raise ExportError(f"can't export {name}: {explain(error)}", hint) from error
        _refuse_constant_outputs(program, name)
        try:
            exported = torch.onnx.export(
                program, dynamo=True, optimize=False, opset_version=NATIVE_OPSET, verbose=False
            )
        except Exception as error:  # torch wraps whatever its op translations raise
            where = _places(program, missing_operation(error))
            raise ExportError(f"can't export {name}: {explain(error)}{where}") from error
    assert exported is not None  # it only is where a file name is given
    model = exported.model
    return model, _output_names(program, len(model.graph.outputs))


def argument_names(module: nn.Module) -> list[str]:
    """The names of forward's positional arguments that have no default."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(module.forward).parameters.values()
    return [p.name for p in parameters if p.kind in kinds and p.default is inspect.Parameter.empty]


def _examples(module: nn.Module, shapes: Shapes, dynamic_batch: bool) -> tuple[torch.Tensor, ...]:
    """Random inputs in the order of forward's arguments."""
    every = list(inspect.signature(module.forward).parameters)
    needed = argument_names(module)
    if unknown := [name for name in shapes if name not in every]:
        raise ToolkitError(f"the model has no input {unknown[0]!r}; its inputs are {listed(unknown[0], every)}")
    if missing := [name for name in needed if name not in shapes]:
        raise ToolkitError(f"there is no shape for the model's input {missing[0]!r} (such as {missing[0]}:1,3,224,224)")
    given = [name for name in every if name in shapes]
    if given != every[: len(given)]:
        raise ToolkitError(f"give a shape for every input before {given[-1]!r}: {', '.join(every)}")
    like = next((p for p in module.parameters() if p.is_floating_point()), torch.empty(0))
    generator = torch.Generator().manual_seed(0)
    return tuple(
        torch.rand(_example_shape(name, shapes[name], dynamic_batch), generator=generator).to(like) for name in given
    )


def _example_shape(name: str, shape: Sequence[int], dynamic_batch: bool) -> tuple[int, ...]:
    if not shape or any(dim < 1 for dim in shape):
        raise ToolkitError(f"the shape of input {name!r} is {tuple(shape)}; every dimension must be 1 or more")
    # torch treats an example dimension of 1 as a constant, so an open batch is traced with 2
    return (max(shape[0], 2), *shape[1:]) if dynamic_batch else tuple(shape)


def _places(program: torch.export.ExportedProgram, operation: str) -> str:
    """Where the model uses an operation; what the user called `foo` torch may call `_foo` after decomposition."""
    stem = operation.rpartition(".")[2].lstrip("_")
    nodes = [node for node in program.graph.nodes if stem and stem in str(node.target)]
    places = dict.fromkeys(innermost(frames(node.meta.get("stack_trace") or "")) for node in nodes)
    return "".join(f", at {place}" for place in places if place)


def _refuse_constant_outputs(program: torch.export.ExportedProgram, name: str) -> None:
    for position, spec in enumerate(program.graph_signature.output_specs):
        value = getattr(spec.arg, "value", None)
        if value is not None:
            raise ExportError(f"can't export {name}: output {position} is the constant {value!r}, not a tensor")


def _output_names(program: torch.export.ExportedProgram, count: int) -> list[str]:
    """Dictionary keys, or `output`, `output_1`, ..., by the structure that forward returns."""
    structure = torch.utils._pytree.tree_unflatten(list(range(count)), program.call_spec.out_spec)
    if isinstance(structure, dict):
        paths = sorted(_leaves(structure, ()), key=lambda leaf: leaf[1])
        return [".".join(path) for path, _ in paths]
    return ["output", *(f"output_{position}" for position in range(1, count))]


def _leaves(structure: object, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(structure, dict):
        for key, value in structure.items():
            yield from _leaves(value, (*path, str(key)))
    elif isinstance(structure, (list, tuple)):
        for position, value in enumerate(structure):
            yield from _leaves(value, (*path, str(position)))
    elif isinstance(structure, int):
        yield path, structure


@contextmanager
def _eval_mode(module: nn.Module) -> Iterator[None]:
    """Dropout off and BatchNorm on its running statistics, each submodule's own mode restored afterwards."""
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        yield
    finally:
        for part, training in modes.items():
            part.training = training


@contextmanager
def _silence() -> Iterator[None]:
    """No progress lines, log records, warnings or dumped graphs: failures arrive as exceptions."""
    before = logging.root.manager.disable
    sink = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(sink), redirect_stderr(sink):
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(before)
