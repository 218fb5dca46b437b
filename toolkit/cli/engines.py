"""`toolkit engines`: which engines are here, how to get the others, and getting those that pip can't put beside us."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from toolkit.cli.output import json_option, print_json, print_table


@click.group(
    invoke_without_command=True,
    short_help="List the engines that can run models, how to get them, and get some.",
    epilog="`toolkit engines build caffe` needs root once, for Debian's packages, or names them.",
)
@json_option
@click.pass_context
def engines(ctx: click.Context, as_json: bool) -> None:
    """List every engine that can run a model: whether it is here, its version, and how to get it.

    \b
    Examples:
      toolkit engines
      toolkit engines --json
      toolkit engines build caffe
    """
    if ctx.invoked_subcommand:
        return
    from toolkit.engines import listing

    found = listing()
    if as_json:
        print_json({"engines": [{**asdict(engine), "available": not engine.missing} for engine in found]})
        return
    rows = [
        (
            engine.name,
            "missing" if engine.missing else engine.version or "here",
            " ".join(engine.reads) or "PyTorch models",
            engine.get if engine.missing else "",
        )
        for engine in found
    ]
    print_table(("engine", "version", "runs", "how to get it"), rows)


@engines.command()
@click.argument("engine")
@click.option(
    "--source",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Caffe's source archive, where it can't be fetched from PyPI.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="How many compilers run at a time; all cores by default.")
def build(engine: str, source: Path | None, jobs: int | None) -> None:
    """Get ENGINE (caffe, mnn or openvino) for this Python, keep it in the user's cache, and print its folder.

    Real Caffe is compiled: about five minutes on two cores. On Debian and Ubuntu, root gets the missing packages
    installed; anyone else is told which they are. MNN and OpenVINO come from PyPI, into an environment of their own: 30
    and 80 MB to download, half a minute. What is there is used as it is.

    \b
    Examples:
      toolkit engines build caffe
      toolkit engines build openvino
      toolkit engines build caffe --source brocolli-caffe-9.0.2.tar.gz --jobs 1
    """
    from toolkit.engines import build as make

    click.echo(make(engine, lambda text: click.echo(text, err=True), source, jobs))
