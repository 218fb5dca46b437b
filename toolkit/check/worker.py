"""A worker process: `python -m toolkit.check.worker FILE WORK [REPRO]` does the jobs whose numbers it reads.

It reads one a line and answers each by a line of JSON. Whatever a model or an engine does to this process, the next
one takes over.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from converters.errors import ToolkitError
from toolkit.check import config, plan, work


def private_output() -> TextIO:
    """Take standard output for the answers: what models and exporters print goes to standard error from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def main(file: str, folder: str, repro: str = "", *only: str) -> None:
    """Answer job after job, until standard input ends."""
    answers = private_output()
    models = config.load(Path(file))
    jobs = plan.jobs_of(models, only)
    folders = work.Folders(Path(folder), Path(repro) if repro else None)
    for line in sys.stdin:
        job = jobs[int(line)]
        model = models[job.model]
        answer: dict[str, Any] = {"results": [], "error": ""}
        try:
            answer["results"] = work.run(job, model, folders)
        except ToolkitError as error:
            answer["error"] = str(error)
        except Exception as error:  # noqa: BLE001 - the model is the user's own code, which may raise anything
            answer["error"] = f"{type(error).__name__}: {' '.join(str(error).split())}"
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
