"""Engines whose packages clash with ours: each in a Python environment of its own, under the user's cache.

`toolkit.engines.environments` makes them; here stands what they hold and where they are.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """Packages of PyPI, in exact versions and without what they only name, that are one engine.

    `packages[0]` gives the engine its version. `pythons` are the minor versions of Python 3 that it has wheels for.
    `program` runs once, in the new environment.
    """

    engine: str
    title: str
    packages: tuple[str, ...]
    pythons: tuple[int, ...]
    program: str = ""

    @property
    def version(self) -> str:
        """That of the engine's own package."""
        return self.packages[0].partition("==")[2]

    @property
    def get(self) -> str:
        """The command that makes the environment."""
        return f"toolkit engines build {self.engine}"

    @property
    def variable(self) -> str:
        """The environment variable that names a Python which has the engine."""
        return f"CAFFE_BRIDGE_{self.engine.upper()}"

    @property
    def folder(self) -> Path:
        """Where the environment is, or will be; the name changes with everything that is in it."""
        contents = hashlib.sha256(repr((self.packages, platform.machine())).encode()).hexdigest()[:10]
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        python = "cp{}{}".format(*sys.version_info[:2])
        return cache / "caffe-bridge" / f"{self.engine}-{self.version}-{python}-{contents}"

    @property
    def python(self) -> Path:
        """The Python to run the engine with, whether it is there or not."""
        given = os.environ.get(self.variable)
        return Path(given).expanduser() if given else self.folder / "bin" / "python"

    def missing(self) -> str:
        """Why the engine can't run here and what to do about it, or ''."""
        if self.python.exists():
            return ""
        if given := os.environ.get(self.variable):
            return f"{self.variable}={given} is no Python"
        return (
            f"{self.title} {self.version} is not found: `{self.get}` gets it from PyPI, "
            f"or set {self.variable} to a Python that has it"
        )


# mo_caffe.proto as OpenVINO's generated module holds it -> a module that protobuf 4 loads as compiled code.
PARSER = '''
import os, pathlib, sys
os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
import openvino.tools.mo.front.caffe.proto as package
sys.path.insert(0, package.__path__[0])
import caffe_pb2
folder = pathlib.Path(sys.prefix, "caffe_parser")
folder.mkdir()
(folder / "caffe_pb2.py").write_text(f"""from google.protobuf import descriptor_pool
from google.protobuf.internal import builder

DESCRIPTOR = descriptor_pool.Default().AddSerializedFile({caffe_pb2.DESCRIPTOR.serialized_pb!r})
builder.BuildMessageAndEnumDescriptors(DESCRIPTOR, globals())
builder.BuildTopDescriptorsAndMessages(DESCRIPTOR, "caffe_pb2", globals())
""")
'''
# Without openvino-telemetry nothing is reported to anybody; Caffe's importer needs none of the other packages that
# openvino-dev names. protobuf 4 reads weights a hundred times faster than the pure Python of 3.20.
OPENVINO = Environment(
    "openvino",
    "OpenVINO's Model Optimizer",
    (
        *("openvino-dev==2023.3.0", "openvino==2023.3.0", "numpy==1.26.4", "networkx==3.1"),
        *("defusedxml==0.7.1", "fastjsonschema==2.17.1", "protobuf==4.25.8", "setuptools==75.8.0"),
    ),
    (9, 10, 11),
    PARSER,
)
MNN = Environment("mnn", "MNN", ("MNN==3.6.1", "numpy<3"), (10, 11, 12))
ENVIRONMENTS = {environment.engine: environment for environment in (OPENVINO, MNN)}
