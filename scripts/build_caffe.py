"""Build real Caffe (CPU only) for this Python, from the source that PyPI's brocolli-caffe carries.

The result is a folder with `_caffe.so` and `manifest.json` under the user's cache; the last line printed is its path.
A folder that is already there is used as it is. What is added to the source is in `caffe_patches/README.md`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from caffe_patches.edits import ADDED, EDITS, LEFT_OUT

SDIST, VERSION = "brocolli-caffe", "9.0.2"
SHA256 = "c6410cc60bdd6db685d441b66be7df05410f8850ac88d6b75d48ef9b2315c08a"
PACKAGES = (
    *("g++", "libboost-filesystem-dev", "libboost-python-dev", "libboost-regex-dev", "libboost-system-dev"),
    *("libboost-thread-dev", "libgflags-dev", "libgoogle-glog-dev", "libhdf5-dev", "libopenblas-dev"),
    *("libprotobuf-dev", "protobuf-compiler"),
)
FLAGS = (
    *("-std=c++14", "-O2", "-fPIC", "-w", "-DNDEBUG", "-DCPU_ONLY", "-DCAFFE_VERSION=1.0.0"),
    "-DBOOST_BIND_GLOBAL_PLACEHOLDERS",
)
LIBRARIES = ("glog", "gflags", "protobuf", "boost_thread", "boost_system", "boost_filesystem", "boost_regex")
HERE = Path(__file__).resolve().parent
LAYERS = HERE / "caffe_patches" / "layers"
PYTHON = f"{sys.version_info[0]}{sys.version_info[1]}"


class BuildError(Exception):
    """The build can't go on; the message says why in one sentence and, where there is one, the remedy."""


def say(text: str) -> None:
    print(text, flush=True)


def run(command: Sequence[str | Path], what: str) -> str:
    """Run a command to its end; its last lines are in the error if it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        raise BuildError(f"{what} failed:\n{tail}")
    return done.stdout


# --- where the result goes -------------------------------------------------------------------------------------------
def distribution() -> str:
    """Debian 12 -> 'debian12': the system's protobuf and boost are linked, so another release needs another build."""
    fields = {}
    for line in Path("/etc/os-release").read_text().splitlines() if Path("/etc/os-release").exists() else ():
        key, _, value = line.partition("=")
        fields[key] = value.strip('"')
    return fields.get("ID", platform.system().lower()) + fields.get("VERSION_ID", "")


def destination() -> Path:
    """The cache folder, whose name changes with everything that goes into the build."""
    try:
        numpy_abi = version("numpy").split(".")[0]
    except PackageNotFoundError as error:
        raise BuildError(f"{sys.executable} has no numpy; Caffe's Python module is built against it.") from error
    recipe = hashlib.sha256(repr((SHA256, FLAGS, LIBRARIES, EDITS, LEFT_OUT, platform.machine(), numpy_abi)).encode())
    for layer in sorted(LAYERS.glob("*.cpp")):
        recipe.update(layer.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    name = f"caffe-{VERSION}-cp{PYTHON}-{distribution()}-{recipe.hexdigest()[:10]}"
    return cache / "caffe-bridge" / name


# --- what the machine must have --------------------------------------------------------------------------------------
def installed(package: str) -> bool:
    query = ["dpkg-query", "-W", "-f", "${Status}", package]
    return subprocess.run(query, capture_output=True, text=True).stdout == "install ok installed"


def need_packages() -> None:
    """Install the Debian packages that are missing (as root), or name them; elsewhere the compiler will tell."""
    if not shutil.which("dpkg-query"):
        return
    missing = [package for package in PACKAGES if not installed(package)]
    if not missing:
        return
    install = ["apt-get", "install", "-y", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise BuildError(f"{len(missing)} package(s) are missing; install them with:\n  sudo {shlex.join(install)}")
    say(f"installing {' '.join(missing)}")
    run(["apt-get", "update"], "apt-get update")
    run(["env", "DEBIAN_FRONTEND=noninteractive", *install], "apt-get install")


def library_folder() -> Path:
    return Path("/usr/lib") / run(["g++", "-print-multiarch"], "g++ -print-multiarch").strip()


def need_python_match() -> None:
    """Boost.Python is built for one Python version; a module linked with another crashes on import."""
    header = Path(sysconfig.get_paths()["include"]) / "Python.h"
    if not header.exists():
        package = f"python{PYTHON[0]}.{PYTHON[1:]}-dev"
        raise BuildError(f"{header} is missing; install Python's headers with:\n  sudo apt-get install {package}")
    if not (library_folder() / f"libboost_python{PYTHON}.so").exists():
        there = sorted(path.stem[len("libboost_python") :] for path in library_folder().glob("libboost_python3*.so"))
        raise BuildError(
            f"this system's Boost.Python is for Python {', '.join(f'{v[0]}.{v[1:]}' for v in there) or '(none)'}, "
            f"not {PYTHON[0]}.{PYTHON[1:]}; run this script with that Python."
        )


# --- the source ------------------------------------------------------------------------------------------------------
def fetch(sdist: Path | None, work: Path) -> Path:
    if sdist is None:
        say(f"fetching {SDIST} {VERSION}")
        sdist = work / "sdist.tar.gz"
        run([sys.executable, HERE / "fetch_sdist.py", SDIST, VERSION, SHA256, sdist], f"fetching {SDIST} {VERSION}")
    if (got := hashlib.sha256(sdist.read_bytes()).hexdigest()) != SHA256:
        raise BuildError(f"{sdist} has sha256 {got}, expected {SHA256} ({SDIST} {VERSION}).")
    return sdist


def unpack(sdist: Path, work: Path) -> Path:
    """Take Caffe's own C++ out of the sdist; its generated protobuf files are stale and stay out."""
    wanted = ("/src/caffe/", "/include/caffe/", "/python/caffe/_caffe.cpp")
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            stale = member.name.endswith((".pb.h", ".pb.cc")) or "/test/" in member.name
            if member.isfile() and any(part in member.name for part in wanted) and not stale:
                archive.extract(member, work, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    return work / f"{SDIST}-{VERSION}"


def patch(source: Path) -> None:
    """Apply the edits and put the new layers beside the old ones."""
    for edit in EDITS:
        path = source / edit.path
        text = path.read_text()
        if text.count(edit.find) != 1:
            raise BuildError(f"{edit.path} has {text.count(edit.find)} places for an edit that needs one:\n{edit.find}")
        path.write_text(text.replace(edit.find, edit.put))
    for path in LEFT_OUT:
        (source / path).unlink()
    for layer in LAYERS.glob("*.cpp"):
        shutil.copy(layer, source / "src/caffe/layers")


# --- the build -------------------------------------------------------------------------------------------------------
def compile_all(source: Path, work: Path, jobs: int) -> list[Path]:
    """Compile every source into an object file; a precompiled header for boost, glog and protobuf halves the time."""
    generated = work / "generated"
    (generated / "caffe/proto").mkdir(parents=True)
    proto = source / "src/caffe/proto"
    run(["protoc", f"--proto_path={proto}", f"--cpp_out={generated}/caffe/proto", proto / "caffe.proto"], "protoc")
    includes = [f"-I{generated}", f"-I{source}/include", f"-I{source}/src"]
    includes += ["-I/usr/include/hdf5/serial", f"-I/usr/include/{library_folder().name}"]
    header = work / "common.hpp"
    header.write_text('#include "caffe/caffe.hpp"\n')
    compiler = ["g++", *FLAGS, *includes]
    run([*compiler, "-x", "c++-header", header, "-o", f"{header}.gch"], "compiling the common header")

    numpy_headers = run([sys.executable, "-c", "import numpy; print(numpy.get_include())"], "importing numpy").strip()
    binding = [f"-I{sysconfig.get_paths()['include']}", f"-I{numpy_headers}"]
    commands = {
        path: [*compiler, "-include", header]
        for path in [generated / "caffe/proto/caffe.pb.cc", *(source / "src").rglob("*.cpp")]
    }
    # Python.h wants to be the first header, so the binding goes without the common one.
    commands[source / "python/caffe/_caffe.cpp"] = [*compiler, *binding]
    # The slow ones first, so that no core idles at the end.
    order = sorted(commands, key=lambda path: path.name not in {"_caffe.cpp", "caffe.pb.cc", "bbox_util.cpp"})
    objects = {path: work / f"{number}.o" for number, path in enumerate(order)}
    say(f"compiling {len(order)} files on {jobs} core(s)")
    with ThreadPoolExecutor(jobs) as pool:
        tasks = [
            pool.submit(run, [*commands[path], "-c", path, "-o", objects[path]], f"compiling {path.name}")
            for path in order
        ]
        try:
            for done, task in enumerate(as_completed(tasks), 1):
                task.result()
                if done % 10 == 0 or done == len(tasks):
                    say(f"  {done}/{len(tasks)}")
        finally:
            pool.shutdown(cancel_futures=True)
    return list(objects.values())


def link(objects: Sequence[Path], target: Path) -> None:
    folder = library_folder()
    hdf5 = ["-lhdf5_serial_hl", "-lhdf5_serial"] if (folder / "libhdf5_serial.so").exists() else ["-lhdf5_hl", "-lhdf5"]
    libraries = [*(f"-l{name}" for name in LIBRARIES), f"-lboost_python{PYTHON}", *hdf5, "-lopenblas"]
    run(["g++", "-shared", "-s", "-o", target, *objects, *libraries], "linking _caffe.so")


def check(folder: Path) -> None:
    """Load what was built, in a process of its own, before anyone relies on it."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import _caffe; print(*_caffe.layer_type_list())"
    known = run([sys.executable, "-c", program, folder], "loading the new _caffe.so").split()
    if absent := {"Convolution", "Clip", "Swish", "ShuffleChannel", "Permute"} - set(known):
        raise BuildError(f"the new _caffe.so lacks the layers {', '.join(sorted(absent))}.")


def build(target: Path, sdist: Path | None, jobs: int) -> None:
    need_packages()
    need_python_match()
    target.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as scratch:
        work, ready = Path(scratch), Path(scratch) / "ready"
        ready.mkdir()
        source = unpack(fetch(sdist, work), work)
        patch(source)
        link(compile_all(source, work, jobs), ready / "_caffe.so")
        check(ready)
        engine = f"{SDIST} {VERSION} + {', '.join(ADDED)}"
        manifest = {"engine": engine, "python": PYTHON, "seconds": round(time.monotonic() - began)}
        (ready / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
        ready.chmod(0o755)
        try:
            ready.rename(target)
        except OSError as error:
            if not target.exists():  # else someone else built the same at the same time
                raise BuildError(f"{target} can't be written: {error.strerror}.") from error
    size = (target / "_caffe.so").stat().st_size / 1e6
    say(f"built {engine} in {manifest['seconds']} s, {size:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sdist", type=Path, help=f"an sdist of {SDIST} {VERSION} at hand, instead of fetching it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many compilers at a time")
    options = parser.parse_args()
    try:
        target = destination()
        if not (target / "_caffe.so").exists():
            build(target, options.sdist, options.jobs)
    except (BuildError, OSError) as error:
        sys.exit(f"build_caffe: {error}")
    print(target)


if __name__ == "__main__":
    main()
