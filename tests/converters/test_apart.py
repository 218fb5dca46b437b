"""Native code that crashes on a model, apart from the process that converts it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import onnx
import onnx.parser
import pytest

from converters.onnx_passes.apart import apart

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks safely")


def in_a_process_of_its_own(program: str) -> str:
    """What a program prints; the tests' own workers have threads beside."""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return done.stdout.strip()


START = "import os, signal, sys\nfrom converters.onnx_passes.apart import Crashed, apart\n"


def test_a_crash_leaves_a_sentence() -> None:
    program = START + (
        "for run in (lambda: os.kill(os.getpid(), signal.SIGSEGV), os.abort, lambda: os._exit(3)):\n"
        "    try: apart(run, 'it')\n"
        "    except Crashed as error: print(error, end=';')"
    )
    told = ["Segmentation fault", "Aborted", "exit code 3"]
    assert in_a_process_of_its_own(program) == "".join(f"it crashed on it ({how});" for how in told)


def test_what_is_computed_comes_back_from_another_process() -> None:
    program = START + (
        "import numpy as np\n"
        "found, process = apart(lambda: (np.arange(2**21), os.getpid()), 'it')\n"
        "print((found == np.arange(2**21)).all(), process != os.getpid())"
    )
    assert in_a_process_of_its_own(program) == "True True"


def test_errors_come_back_whole() -> None:
    program = START + (
        "from converters.errors import CUT, ConversionError, Problem\n"
        "from converters.onnx_passes.ort import NoKernel\n"
        "def fail(error): raise error\n"
        "for error in (NoKernel('none', 'Conv', 'v'), ConversionError([Problem('Conv', 'v', 'no', CUT)])):\n"
        "    try: apart(lambda: fail(error), 'it')\n"
        "    except type(error) as found: print(vars(found) == vars(error), str(found) == str(error), end=';')"
    )
    assert in_a_process_of_its_own(program) == "True True;True True;"


def test_an_interrupt_ends_the_child_too() -> None:
    program = START + (
        "import time\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.2)\n"
        "try: apart(lambda: time.sleep(60), 'it')\n"
        "except KeyboardInterrupt:\n"
        "    try: os.waitpid(-1, os.WNOHANG)\n"
        "    except ChildProcessError: print('gone')"
    )
    assert in_a_process_of_its_own(program) == "gone"


def test_beside_other_threads_nothing_is_forked() -> None:
    wait = threading.Event()
    other = threading.Thread(target=wait.wait)
    other.start()
    try:
        assert apart(os.getpid, "it") == os.getpid()
    finally:
        wait.set()
        other.join()


def test_behind_a_spinner_a_crash_leaves_a_sentence_as_well() -> None:
    program = START + (
        "from rich.console import Console\n"
        "with Console(file=open(os.devnull, 'w'), force_terminal=True).status('starting'):\n"
        "    try: apart(os.abort, 'it')\n"
        "    except Crashed as error: told = str(error)\n"
        "print(told)"
    )
    assert in_a_process_of_its_own(program) == "it crashed on it (Aborted)"


def test_a_model_on_which_onnx_crashes_is_refused(tmp_path: Path) -> None:
    text = """<ir_version: 10, opset_import: ["" : 18]> net (float[2,4,5] x) => (float[] y) {
        i = Constant<value = int64[2,1] {1, 3}>()
        y = GatherND<batch_dims = -2>(x, i)
    }"""
    path = tmp_path / "net.onnx"
    path.write_bytes(onnx.parser.parse_model(text).SerializeToString())
    command = [sys.executable, "-m", "toolkit", "onnx-to-caffe", str(path), "-o", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    assert "not valid ONNX" in done.stderr
