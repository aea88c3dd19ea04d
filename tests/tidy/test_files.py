"""What is asked of every file: its length, its words, its docstring."""

from __future__ import annotations

import ast
import re

from tidy.tree import CODE, ROOT, SRC, TEXT, files, shown

LINES_MAX = 400
LENGTH_MAX = 120
# Written in two halves, or this file would break its own rule.
UNFINISHED = re.compile("|".join(rf"\b{a}{b}\b" for a, b in [("TO", "DO"), ("FIX", "ME"), ("HA", "CK")]))
MACHINE = re.compile(
    "|".join(["/wo" + "rk/", "/ro" + "ot/", "/ho" + "me/", "/Us" + "ers/", r"\.\./sha" + "red"])
)
SECTION = re.compile(r"reference, sections? ([0-9]+(?:(?:, | and |, and | to |–)[0-9]+)*)")


def test_no_file_is_longer_than_a_concept():
    found = files(*CODE, ".md")
    assert len(found) > 60
    long = {shown(path): n for path in found if (n := len(path.read_text().splitlines())) > LINES_MAX}
    assert not long


def test_no_line_is_too_long():
    found = files(".pyx", ".pxd", ".pyi")
    assert len(found) > 20
    wide = [
        f"{shown(p)}:{i}"
        for p in found
        for i, s in enumerate(p.read_text().splitlines(), 1)
        if len(s) > LENGTH_MAX
    ]
    assert not wide, "\n".join(wide)


def test_nothing_is_left_unfinished():
    found = files(*TEXT)
    assert len(found) > 60
    bad = [f"{shown(p)}: {m[0]}" for p in found if (m := UNFINISHED.search(p.read_text()))]
    assert not bad, "\n".join(bad)


def test_no_file_names_a_place_on_somebodys_machine():
    found = [path for path in files(*TEXT) if path != ROOT / "tests/shared.py"]
    assert len(found) > 60
    bad = [f"{shown(p)}: {m[0]}" for p in found if (m := MACHINE.search(p.read_text()))]
    assert not bad, "\n".join(bad)


def test_every_source_file_says_what_it_is():
    found = files(".py", ".pyx", ".pxd", under=SRC)
    assert len(found) > 30
    # A .pxd has nowhere to keep a docstring: there it is a comment.
    opening = {".pxd": r"# ?\w"}
    mute = [p for p in found if not re.match(opening.get(p.suffix, r'(?:#.*\n)*r?"""\S'), p.read_text())]
    assert not mute, "\n".join(map(shown, mute))


def test_every_test_says_something_that_can_fail():
    checked, empty = 0, []
    for path in files(".py", under=ROOT / "tests"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                checked += 1
                if not _can_fail(node):
                    empty.append(f"{shown(path)}: {node.name}")
    assert checked > 100
    assert not empty, "\n".join(empty)


def _can_fail(test: ast.FunctionDef) -> bool:
    """Whether a test asserts, expects an error, or calls a function by whose name it checks something."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert | ast.Raise):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "raises" or re.match(
                r"_?(?:check|assert|expect|agree|compare|refuse|fails|same|run)", name
            ):
                return True
    return False


def test_docstrings_point_to_sections_that_exist():
    checked = 0
    for path in files(*CODE, under=SRC):
        for match in SECTION.finditer(re.sub(r"\s+", " ", path.read_text())):
            for number in re.findall(r"[0-9]+", match[1]):
                checked += 1
                assert 1 <= int(number) <= 10, f"{shown(path)}: there is no section {number} of the reference"
    assert checked > 20
