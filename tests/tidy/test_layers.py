"""Imports point one way: `fastcore`'s layers as its docstring lists them, and `pipeline` on top of it."""

from __future__ import annotations

import ast
import sys

import pytest

from tidy.tree import SRC, files, imports, module_of, shown

CORE = files(".py", ".pyx", ".pxd", ".pyi", under=SRC / "fastcore")
PIPELINE = files(".py", under=SRC / "pipeline")
# What `fastcore` may import beside the standard library; the last three exist for the Cython compiler only.
CORE_MAY = {"fastcore", "numpy", "pyarrow", "msgspec", "cython", "cpython", "libc"}
# Modules of the standard library for clocks, networks, dice, and for running by itself.
CORE_MAY_NOT = {
    "time",
    "random",
    "secrets",
    "socket",
    "asyncio",
    "threading",
    "multiprocessing",
    "subprocess",
}


def layers() -> list[str]:
    """The modules of `fastcore` in the order in which its docstring lists them, the lowest first."""
    docstring = ast.get_docstring(ast.parse((SRC / "fastcore/__init__.py").read_text())) or ""
    return docstring.partition("only those before it:\n")[2].split()


def own(module: str, package: str) -> set[str]:
    """The modules of a package that a dotted import may mean."""
    parts = module.split(".")
    return {parts[1]} if parts[0] == package and len(parts) > 1 else set()


def test_the_docstring_lists_every_module_once():
    listed = layers()
    there = {path.stem for path in CORE} - {"__init__"}
    assert len(listed) >= 10
    assert sorted(listed) == sorted(there)


def test_no_module_of_the_core_imports_a_later_layer():
    order = {name: i for i, name in enumerate(layers())}
    checked, wrong = 0, []
    for path in CORE:
        if path.stem == "__init__":
            continue
        for module in imports(path):
            for name in own(module, "fastcore") & set(order):
                checked += 1
                if order[name] > order[path.stem]:
                    wrong.append(f"{shown(path)} imports {name}, which is listed below it")
    assert checked > 20
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_the_core_imports_only_what_it_may():
    checked, wrong = 0, []
    for path in CORE:
        for module in imports(path):
            checked += 1
            top = module.split(".")[0]
            if top == "typing_extensions" and path.suffix == ".pyi":
                continue  # a stub is read by type checkers alone, and they all know it
            if top in CORE_MAY_NOT or (top not in CORE_MAY and top not in sys.stdlib_module_names):
                wrong.append(f"{shown(path)} imports {module}")
    assert checked > 50
    assert not wrong, "\n".join(wrong)


def test_no_modules_of_the_pipeline_import_each_other_in_a_circle():
    paths = {module_of(path): path for path in PIPELINE}
    graph = {
        name: {module for module in imports(path) if module in paths} - {name} for name, path in paths.items()
    }
    # A package's own name is not an edge: Python imports it on the way to any module inside.
    graph = {name: {to for to in found if not name.startswith(f"{to}.")} for name, found in graph.items()}
    assert sum(map(len, graph.values())) > 10
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " → ".join([*above[above.index(name) :], name])
        if name not in done:
            for to in graph[name]:
                visit(to, (*above, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "from libc.stdint cimport int64_t, uint8_t",
            {"libc.stdint", "libc.stdint.int64_t", "libc.stdint.uint8_t"},
        ),
        ("cimport cython", {"cython"}),
        (
            "from fastcore.types cimport (\n    A,\n    B as C,\n)",
            {"fastcore.types", "fastcore.types.A", "fastcore.types.B"},
        ),
        ("from .types cimport A", {"fastcore.types", "fastcore.types.A"}),
        ('"""\nimport this\n"""\n# import that', set()),
    ],
)
def test_imports_of_cython_are_read(tmp_path, monkeypatch, text, found):
    monkeypatch.setattr("tidy.tree.SRC", tmp_path)
    path = tmp_path / "fastcore" / "x.pyx"
    path.parent.mkdir()
    path.write_text(text)
    assert imports(path) == found
