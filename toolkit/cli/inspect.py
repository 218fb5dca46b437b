"""`toolkit inspect`: what an ONNX file becomes in Caffe, node by node, before it is converted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from converters.errors import printable
from toolkit.cli import params
from toolkit.cli.onnx_to_caffe import (
    MODEL,
    SHAPE_HELP,
    dialect_option,
    drop_quantisation_option,
    output_option,
    skip_pass_option,
)
from toolkit.cli.output import json_option, print_json, print_table, progress, quiet_option
from toolkit.cli.remedies import worded

if TYPE_CHECKING:
    from converters.onnx_passes import Source
    from converters.onnx_to_caffe.inspect import Inspection, NodeReport
    from converters.onnx_to_caffe.run import Record

NOT_CONVERTIBLE = 3
EVERY = "all"


@click.command(
    short_help="Say what converts and what blocks, node by node, before converting.",
    epilog="Exits 0 if the model converts in the dialect (of all: in one), 3 if it does not, 4 if the file is broken.",
)
@click.argument("model", type=MODEL, metavar="IN.onnx|NET.prototxt|NET.caffemodel")
@click.option("--input-shape", "shapes", multiple=True, type=params.SHAPE, help=SHAPE_HELP)
@output_option
@dialect_option
@click.option("--blockers", "blockers_only", is_flag=True, help="List only the nodes that block.")
@click.option("--passes", is_flag=True, help="List what each pass did, and what it left alone and why.")
@drop_quantisation_option
@skip_pass_option
@json_option
@quiet_option
@click.pass_context
def inspect(
    ctx: click.Context,
    model: Path,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[str],
    dialect: str,
    blockers_only: bool,
    passes: bool,
    drop_quantisation: bool,
    skip: tuple[str, ...],
    as_json: bool,
) -> None:
    """List the nodes of IN.onnx, the Caffe layers that each becomes, and what blocks it in which dialect.

    Nothing is written. Nodes are those that are left when shapes and constants are folded; one without layers goes
    into the weights of its neighbours. --dialect all tells in one table which dialects and chips take the network, in
    how many layers, how many of them on the chip's CPU, and what blocks the others.
    Where something blocks, the command that converts what stands before every blocker is shown, to copy.
    Of a prototxt: its layers, and the ONNX operators that each becomes.

    \b
    Examples:
      toolkit inspect net.onnx
      toolkit inspect net.onnx --dialect all
      toolkit inspect net.onnx --dialect my-npu.toml --blockers
      toolkit inspect net.onnx --passes
      toolkit inspect net.onnx --input-shape image:1,3,224,224 --json
      toolkit inspect train_val.prototxt --input-shape data:1,3,227,227
    """
    if model.suffix in (".prototxt", ".caffemodel"):
        _inspect_caffe(ctx, model, shapes, outputs, dialect, blockers_only, as_json)
        return
    from converters.onnx_to_caffe.cuts import advise
    from converters.onnx_to_caffe.inspect import inspect as look

    if dialect == EVERY:
        pinned = params.once(shapes, "--input-shape")
        ctx.exit(_everywhere(model, pinned, outputs or None, drop_quantisation, skip, as_json))
    with progress(quiet=as_json) as step:
        step("reading the model")
        source, pinned = _loaded(model, drop_quantisation), params.once(shapes, "--input-shape")
        found = look(source, dialect, pinned, outputs or None, skip)
        if not found.convertible:
            step("looking for a cut before the blockers")
            found = advise(found, source, lambda cut: look(source, dialect, pinned, cut, skip), outputs)
    if as_json:
        print_json(found.to_json())
    else:
        show(found, blockers_only)
        if found.cut:
            click.echo(
                f"what stands before the blockers converts:\n    {_command(model, found, shapes, drop_quantisation)}"
            )
        if passes:
            show_passes(found)
    if not found.convertible:
        ctx.exit(NOT_CONVERTIBLE)


def _loaded(model: Path, drop_quantisation: bool) -> Source:
    """The model, or the float network inside it."""
    from converters.onnx_passes import load
    from converters.onnx_passes.float32 import without_quantisation

    source = load(model)
    if not drop_quantisation:
        return source
    source, dropped = without_quantisation(source)
    if dropped:
        click.echo(dropped.sentence, err=True)
    return source


def _command(
    model: Path, found: Inspection, shapes: Sequence[tuple[str, tuple[int, ...]]], drop_quantisation: bool
) -> str:
    """The conversion of the network before the blockers, to copy."""
    from shlex import join

    words = ["toolkit", "onnx-to-caffe", str(model)]
    words += ["--dialect", found.dialect] * (found.dialect != "portable")
    words += ["--drop-quantisation"] * drop_quantisation
    for name, shape in shapes:
        words += ["--input-shape", f"{name}:{','.join(map(str, shape))}"]
    for name in found.cut:
        words += ["--output", name]
    return join(words)


def _everywhere(
    model: Path,
    shapes: dict[str, tuple[int, ...]],
    outputs: Sequence[str] | None,
    drop_quantisation: bool,
    skip: tuple[str, ...],
    as_json: bool,
) -> int:
    """Show what every dialect makes of the model; return the exit code."""
    from converters.onnx_to_caffe.survey import survey
    from toolkit.cli.survey import show as show_survey

    with progress(quiet=as_json) as step:
        step("trying every dialect")
        rows = survey(_loaded(model, drop_quantisation), input_shapes=shapes, outputs=outputs, skip=skip)
    if as_json:
        print_json({"dialects": [row.to_json() for row in rows]})
    else:
        show_survey(rows)
    return 0 if any(row.converts for row in rows) else NOT_CONVERTIBLE


def show(found: Inspection, blockers_only: bool = False) -> None:
    """The table for people, then every blocker in full, then the totals."""
    listed = [node for node in found.nodes if not blockers_only or node.blockers]
    if listed:
        print_table(
            ("node", "operator", f"layers in {found.dialect}", "multiply-adds", "blocked in"),
            [
                (node.name, node.op, _layers(node, found.dialect), _count(node.multiply_adds), _where(node, found))
                for node in listed
            ],
        )
    for node in listed:
        for reason in dict.fromkeys(node.blockers.values()):
            where = ", ".join(dialect for dialect, text in node.blockers.items() if text == reason)
            click.echo(printable(f"{node.op} '{node.name}': {reason} ({where})"))
        if node.blockers and node.source:
            click.echo(printable(f"    from: {node.source}"))
        if node.blockers and node.hint:
            click.echo(f"    hint: {worded(node.hint)}")
    for problem in found.problems:
        click.echo(problem.told(worded))
    if found.nodes:
        layers = ", ".join(f"{count} {kind}" for kind, count in found.layers.items())
        click.echo(f"{len(found.nodes)} nodes -> {layers}")
        click.echo(f"{found.multiply_adds:,} multiply-adds, {found.parameters:,} parameters")
    able = [dialect for dialect, yes in found.converts.items() if yes]
    click.echo(f"converts in: {', '.join(able) or 'no dialect'}")


def show_passes(found: Inspection) -> None:
    """The table of passes, then each layer that one looked at and left alone, with the reason."""
    print_table(
        ("pass", "net", "layers", "left alone"),
        [(one.name, one.outcome, _difference(one), _count(len(one.notes))) for one in found.passes],
    )
    for one in found.passes:
        for note in one.notes:
            where = f" left '{note.layer}'" if note.layer else ""
            click.echo(f"{one.name}{where}: {note.reason}")


def _difference(one: Record) -> str:
    return ", ".join(f"{number:+} {kind}" for kind, number in one.layers.items())


def _layers(node: NodeReport, dialect: str) -> str:
    if dialect in node.blockers:
        return "-"
    kinds = {kind: node.layers.count(kind) for kind in dict.fromkeys(node.layers)}
    return ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in kinds.items()) or "(folded)"


def _where(node: NodeReport, found: Inspection) -> str:
    if not node.blockers:
        return ""
    return "all" if len(node.blockers) == len(found.converts) else ", ".join(node.blockers)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def _inspect_caffe(
    ctx: click.Context,
    prototxt: Path,
    shapes: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[str],
    dialect: str,
    blockers_only: bool,
    as_json: bool,
) -> None:
    """The same for the way back; `portable`, the default, is no reading of Caffe, and stands for BVLC's."""
    from converters.caffe import files
    from converters.caffe_to_onnx.inspect import inspect as look

    found = look(
        files.read(prototxt),
        input_shapes=dict(params.once(shapes, "--input-shape")),
        outputs=outputs or None,
        dialect="bvlc" if dialect == "portable" else dialect,
        where=str(prototxt),
    )
    if as_json:
        print_json(found.to_json())
    else:
        rows = [layer for layer in found.layers if layer.blocker or not blockers_only]
        tops = ["; ".join(f"{top} {list(shape)}" for top, shape in layer.tops.items()) for layer in rows]
        made = [", ".join(layer.operators) or ("-" if layer.blocker else "(nothing)") for layer in rows]
        table = [(one.name, one.type, top, ops) for one, top, ops in zip(rows, tops, made, strict=True)]
        print_table(("layer", "type", "tops", "operators"), table)
        for layer in rows:
            if layer.blocker:
                click.echo(printable(f"{layer.type} '{layer.name}': {layer.blocker}"))
                if layer.hint:
                    click.echo(f"    hint: {layer.hint}")
        click.echo(f"{len(found.layers)} layers; outputs: {', '.join(found.outputs)}")
    if not found.convertible:
        ctx.exit(NOT_CONVERTIBLE)
