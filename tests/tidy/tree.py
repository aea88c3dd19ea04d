"""The project's own files, and what each of them imports."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"
CODE = (".py", ".pyx", ".pxd", ".pyi")
TEXT = (*CODE, ".md", ".toml", ".in", ".cfg", ".yml", ".yaml", "")
MADE = {".git", "build", "dist", "__pycache__", "feikong-demo"}

_CIMPORT = re.compile(r"^\s*(?:from\s+([\w.]+)\s+c?import\s+(.+)|c?import\s+([\w., ]+))", re.MULTILINE)


def files(*suffixes: str, under: Path = ROOT) -> list[Path]:
    """Every file of the project with one of these suffixes, sorted; nothing that was made from others."""
    out: list[Path] = []
    for path in sorted(under.iterdir()):
        if (
            path.name in MADE
            or (path.name.startswith(".") and path.name != ".ci")
            or path.name.endswith(".egg-info")
        ):
            continue
        if path.is_dir():
            out += files(*suffixes, under=path)
        elif path.suffix in suffixes:
            out.append(path)
    return out


def shown(path: Path) -> str:
    """The path as a person would write it."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """The dotted name of a source file under ``src/``."""
    parts = path.relative_to(SRC).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> set[str]:
    """What a source file imports or cimports, dotted: of ``from a import b`` both ``a`` and ``a.b``."""
    if path.suffix in (".pyx", ".pxd"):
        return set(_cython_imports(path))
    out: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(), path.as_posix())):
        if isinstance(node, ast.Import):
            out.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(path, node.level, node.module or "")
            out.update([base, *(f"{base}.{alias.name}" for alias in node.names)])
    return out


def strings(path: Path) -> Iterator[tuple[int, str]]:
    """Each string of a Python file with the line on which it starts."""
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type == tokenize.STRING:
                yield token.start[0], token.string


def _cython_imports(path: Path) -> Iterator[str]:
    text = re.sub(r"\(\s*([^()]*?)\s*\)", lambda m: m[1].replace("\n", " "), _code(path))
    for base, names, modules in _CIMPORT.findall(text):
        if modules:
            yield from (name.split()[0] for name in modules.split(","))
            continue
        level = len(base) - len(base.lstrip("."))
        base = _absolute(path, level, base.lstrip("."))
        yield base
        yield from (f"{base}.{name.split()[0]}" for name in names.split(",") if name.strip())


def _code(path: Path) -> str:
    """A Cython file without comments and docstrings."""
    text = re.sub(r'"""(?:.|\n)*?"""', "", path.read_text())
    return re.sub(r"#.*", "", text)


def _absolute(path: Path, level: int, module: str) -> str:
    if level == 0:
        return module
    package = module_of(path).split(".")
    if path.stem == "__init__":
        package.append("")
    return ".".join([*package[: len(package) - level], *([module] if module else [])])
