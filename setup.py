"""The extensions: every ``src/fastcore/*.pyx``, and three switches.

``FEIKONG_DEBUG=1``     hardly optimised; bounds and assertions checked
``FEIKONG_SANITIZE=1``  that, and the address and undefined-behaviour sanitizers (GCC or Clang)
``FEIKONG_ANNOTATE=1``  Cython's annotated HTML beside the generated C, under ``build/``
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup


def switch(name: str) -> bool:
    """Whether the environment variable is set to anything but nothing or 0."""
    return os.environ.get(name, "0") not in ("", "0")


sanitize = switch("FEIKONG_SANITIZE")
debug = switch("FEIKONG_DEBUG") or sanitize
folder = f"build/{'sanitize' if sanitize else 'debug' if debug else 'release'}"
compile_args = ["-Og", "-g"] if debug else ["-O3"]
link_args: list[str] = []
if sanitize:
    link_args = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    # CPython builds with -fwrapv, under which an overflow would not count as undefined.
    compile_args += [*link_args, "-fno-wrapv", "-fno-omit-frame-pointer"]

modules = cythonize(
    [
        Extension(
            f"fastcore.{path.stem}",
            [path.as_posix()],
            extra_compile_args=compile_args,
            extra_link_args=link_args,
            define_macros=[] if debug else [("CYTHON_WITHOUT_ASSERTIONS", "1")],
        )
        for path in sorted(Path("src/fastcore").glob("*.pyx"))
    ],
    include_path=["src"],
    build_dir=folder,
    annotate=switch("FEIKONG_ANNOTATE"),
    compiler_directives={
        "autotestdict": False,
        "boundscheck": debug,
        "cdivision": False,
        "embedsignature": True,
        "initializedcheck": debug,
        "language_level": 3,
        "show_performance_hints": True,
        "wraparound": False,
    },
)
options = {"build": {"build_base": folder}, "build_ext": {"parallel": os.cpu_count()}}
setup(ext_modules=modules, options=options)
