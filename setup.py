"""The extensions: every ``src/fastcore/*.pyx``, and three switches.

``FEIKONG_DEBUG=1``     no optimisation, bounds and assertions checked
``FEIKONG_SANITIZE=1``  the address and undefined-behaviour sanitizers (GCC or Clang)
``FEIKONG_ANNOTATE=1``  Cython's annotated HTML beside the generated C, under ``build/``
"""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup


def switch(name: str) -> bool:
    """Whether the environment variable is set to anything but nothing or 0."""
    return os.environ.get(name, "0") not in ("", "0")


SANITIZE = switch("FEIKONG_SANITIZE")
ANNOTATE = switch("FEIKONG_ANNOTATE")
DEBUG = switch("FEIKONG_DEBUG") or SANITIZE
FLAVOUR = "sanitize" if SANITIZE else "debug" if DEBUG else "release"

compile_args = ["-Og", "-g"] if DEBUG else ["-O3"]
link_args: list[str] = []
if SANITIZE:
    # CPython builds with -fwrapv, under which an overflow would not count as undefined.
    flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    compile_args += [*flags, "-fno-wrapv", "-fno-omit-frame-pointer"]
    link_args += flags

extensions = [
    Extension(
        f"fastcore.{path.stem}",
        [path.as_posix()],
        extra_compile_args=compile_args,
        extra_link_args=link_args,
        define_macros=[] if DEBUG else [("CYTHON_WITHOUT_ASSERTIONS", "1")],
    )
    for path in sorted(Path("src/fastcore").glob("*.pyx"))
]
directives = {
    "autotestdict": False,
    "boundscheck": DEBUG,
    "cdivision": False,
    "embedsignature": True,
    "initializedcheck": DEBUG,
    "language_level": 3,
    "show_performance_hints": True,
    "wraparound": False,
}
modules = cythonize(
    extensions,
    include_path=["src"],
    build_dir=f"build/{FLAVOUR}",
    annotate=ANNOTATE,
    compiler_directives=directives,
)
setup(
    ext_modules=modules,
    options={"build": {"build_base": f"build/{FLAVOUR}"}, "build_ext": {"parallel": os.cpu_count()}},
)
