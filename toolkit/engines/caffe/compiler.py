"""Caffe's sources -> `_caffe.so`, by g++ and protoc."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from toolkit.engines.caffe.machine import library_folder
from toolkit.engines.caffe.recipe import FLAGS, LIBRARIES, PYTHON
from toolkit.engines.commands import Say, run

SLOW = {"_caffe.cpp", "caffe.pb.cc", "bbox_util.cpp"}  # compiled first, so that no core idles at the end


def compile_all(source: Path, work: Path, jobs: int, say: Say) -> list[Path]:
    """Compile every source into an object file, so many at a time; return the object files."""
    commands = commands_of(source, work)
    objects = {path: work / f"{number}.o" for number, path in enumerate(commands)}
    say(f"compiling {len(commands)} files on {jobs} core(s)")
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [
            pool.submit(run, [*command, "-c", path, "-o", objects[path]], f"compiling {path.name}")
            for path, command in sorted(commands.items(), key=lambda item: item[0].name not in SLOW)
        ]
        try:
            for done, task in enumerate(as_completed(tasks), 1):
                task.result()
                if done % 10 == 0 or done == len(tasks):
                    say(f"  {done}/{len(tasks)}")
        finally:
            pool.shutdown(cancel_futures=True)
    return list(objects.values())


def commands_of(source: Path, work: Path) -> dict[Path, list[str | Path]]:
    """The compiler's command for each source.

    What all of them include, with boost, glog and protobuf, is compiled here once, which halves the time.
    """
    generated = work / "generated"
    (generated / "caffe/proto").mkdir(parents=True)
    proto = source / "src/caffe/proto"
    run(["protoc", f"--proto_path={proto}", f"--cpp_out={generated}/caffe/proto", proto / "caffe.proto"], "protoc")
    includes = [f"-I{generated}", f"-I{source}/include", f"-I{source}/src"]
    includes += ["-I/usr/include/hdf5/serial", f"-I/usr/include/{library_folder().name}"]
    header = work / "common.hpp"
    # Sources that use FLT_MAX relied on other headers for it, which those of g++ 13 no longer bring.
    header.write_text('#include <cfloat>\n#include "caffe/caffe.hpp"\n')
    compiler: list[str | Path] = ["g++", *FLAGS, *includes]
    run([*compiler, "-x", "c++-header", header, "-o", f"{header}.gch"], "compiling the common header")
    sources = [generated / "caffe/proto/caffe.pb.cc", *(source / "src").rglob("*.cpp")]
    # Python.h wants to be the first header, so the binding goes without the common one.
    binding = {source / "python/caffe/_caffe.cpp": [*compiler, *python_includes()]}
    return {**{path: [*compiler, "-include", header] for path in sources}, **binding}


def python_includes() -> list[str]:
    """Where the headers of this Python and of its numpy are."""
    numpy_headers = run([sys.executable, "-c", "import numpy; print(numpy.get_include())"], "importing numpy").strip()
    return [f"-I{sysconfig.get_paths()['include']}", f"-I{numpy_headers}"]


def link(objects: Sequence[Path], target: Path) -> None:
    """Link the object files with the system's libraries into Python's module `target`."""
    folder = library_folder()
    hdf5 = ["-lhdf5_serial_hl", "-lhdf5_serial"] if (folder / "libhdf5_serial.so").exists() else ["-lhdf5_hl", "-lhdf5"]
    libraries = [*(f"-l{name}" for name in LIBRARIES), f"-lboost_python{PYTHON}", *hdf5, "-lopenblas"]
    run(["g++", "-shared", "-s", "-o", target, *objects, *libraries], "linking _caffe.so")
