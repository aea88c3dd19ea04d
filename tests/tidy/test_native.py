"""What is asked of the compiled modules: no hidden way back to Python, a stub, docstrings."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from enum import EnumMeta
from types import ModuleType

import pytest

from tidy.tree import SRC, files, shown

CORE = SRC / "fastcore"
SOURCES = files(".pyx", ".pxd", under=CORE)
COMPILED = [path.stem for path in files(".pyx", under=CORE)]
# A function's header, over several lines if need be: `cdef inline int f(int x) noexcept nogil:`
HEADER = re.compile(
    r"""^[ \t]*(?:cdef|cpdef)\s[^\n=:]*?     # cdef inline int
        \b(\w+)\s*                          # f
        \([^()]*(?:\([^()]*\)[^()]*)*\)      # (int x, int (*g)(int))
        ([^\n:]*)""",  # noexcept nogil
    re.MULTILINE | re.VERBOSE,
)


def without_comments(text: str) -> str:
    """Cython source, its comments and docstrings gone."""
    return re.sub(r"#.*", "", re.sub(r'"""(?:.|\n)*?"""', "", text))


def headers(text: str) -> list[tuple[str, str]]:
    """The name of each C function in a Cython source, and what follows its arguments."""
    return HEADER.findall(without_comments(text))


def test_headers_are_read():
    text = """
cdef int a(int x) nogil:
cdef inline int64_t b(
    const T* p,  # why
    int (*f)(int),
) noexcept nogil:
cdef object c(self)
cdef int x = f(3)
"""
    assert headers(text) == [("a", " nogil"), ("b", " noexcept nogil"), ("c", "")]


def test_every_function_without_the_gil_is_noexcept():
    checked, wrong = 0, []
    for path in SOURCES:
        for name, tail in headers(path.read_text()):
            if "nogil" in tail:
                checked += 1
                if "noexcept" not in tail:
                    wrong.append(f"{shown(path)}: {name}")
    assert checked > 20
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_cython_has_no_hint_to_give(tmp_path):
    sources = [path.relative_to(SRC).as_posix() for path in files(".pyx", under=CORE)]
    assert sources
    command = [sys.executable, "-m", "cython", "-3", "-I", ".", "-X", "show_performance_hints=True"]
    out = subprocess.run(
        [*command, "-o", f"{tmp_path}/", *sources], cwd=SRC, capture_output=True, text=True, check=False
    )
    assert out.returncode == 0, out.stderr[:2000]
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted(COMPILED)
    assert "performance hint" not in out.stderr, out.stderr[:2000]
    assert "warning" not in out.stderr, out.stderr[:2000]


def test_every_compiled_module_has_a_stub():
    assert COMPILED
    assert sorted(path.stem for path in files(".pyi", under=CORE)) == sorted(COMPILED)


@pytest.mark.parametrize("name", COMPILED)
def test_public_names_of_compiled_modules_have_docstrings(name):
    module = importlib.import_module(f"fastcore.{name}")
    assert not mute(module)


def mute(module: ModuleType) -> list[str]:
    """The public functions, classes and methods of a module whose docstring is missing or a signature."""
    out: list[str] = []
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(item) and not isinstance(item, EnumMeta):
            methods = {f"{name}.{key}": value for key, value in vars(item).items() if not key.startswith("_")}
            out += [key for key, value in methods.items() if callable(value) and not says_something(value)]
        # What an enum's members mean is said in the .pxd; Cython gives it no docstring.
        if callable(item) and not isinstance(item, EnumMeta) and not says_something(item):
            out.append(name)
    return out


def says_something(item: object) -> bool:
    """Whether a docstring has more than the signature that Cython puts there."""
    lines = [line for line in (item.__doc__ or "").splitlines() if line.strip()]
    return bool(lines) and not (len(lines) == 1 and re.match(r"(?:\w+\.)*\w+\(.*\)(?: -> .*)?$", lines[0]))
