"""What the documents tell people to do can be done: links lead somewhere, commands exist, examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from tidy.tree import ROOT, files, shown

DOCUMENTS = files(".md")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """A document without its code blocks."""
    return FENCE.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """The anchors that its headings get, as code hosts derive them."""
    titles = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def blocks(*languages: str) -> list[tuple[str, str]]:
    """Each code block in one of these languages, and where it stands."""
    return [
        (shown(p), body)
        for p in DOCUMENTS
        for lang, body in FENCE.findall(p.read_text())
        if lang in languages
    ]


def commands() -> list[tuple[str, list[str]]]:
    """Each command that a document shows after a ``$``, split into words, without its comment."""
    out = []
    for where, body in blocks("console"):
        for line in re.sub(r"\\\n\s*", " ", body).splitlines():
            if line.startswith("$ "):
                out += [(where, part.split()) for part in line[2:].partition("#")[0].split("&&")]
    return out


def test_links_lead_somewhere():
    checked, dead = 0, []
    for path in DOCUMENTS:
        for target in LINK.findall(prose(path)):
            if "://" in target:
                continue
            checked += 1
            name, _, anchor = target.partition("#")
            to = (path.parent / name).resolve() if name else path
            if not to.exists() or (anchor and anchor not in anchors(to)):
                dead.append(f"{shown(path)}: {target}")
    assert checked > 50
    assert not dead, "\n".join(dead)


def test_recipes_that_are_named_exist():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        (shown(p), name) for p in DOCUMENTS for name in re.findall(r"(?:`|\$ )make ([a-z-]+)", p.read_text())
    }
    assert len(named) > 5
    assert not {(where, name) for where, name in named if name not in targets}


def test_every_recipe_says_what_it_makes():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert phony
    told = re.findall(r"^([a-z-]+):.*## \S", text, re.MULTILINE)
    assert sorted(told) == sorted(phony[1].split())


def test_commands_that_are_shown_exist_with_their_options():
    from pipeline.cli import main

    shown_commands = [(where, words) for where, words in commands() if words[0] == "feikong"]
    assert len(shown_commands) >= 2
    for where, words in shown_commands:
        command: click.Command = main
        rest = words[1:]
        while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
            found = command.get_command(click.Context(command), rest[0])
            assert found is not None, f"{where}: there is no command {' '.join(words)}"
            command, rest = found, rest[1:]
        known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)} | {
            "--help",
            "--version",
        }
        assert not {word for word in rest if word.startswith("--")} - known, f"{where}: {' '.join(words)}"


def test_extras_that_are_named_exist():
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    named = {name for p in DOCUMENTS for name in re.findall(r"feikong\[(\w+)\]", p.read_text())}
    assert named
    assert named <= extras


@pytest.mark.parametrize(("where", "code"), blocks("python"))
def test_examples_run_and_print_what_they_say(where, code, tmp_path):
    """What stands in a comment behind a ``print`` is what it prints."""
    told = re.findall(r"^\s*print\(.*\)\s+# (.+)$", code, re.MULTILINE)
    assert told, f"{where}: an example that prints nothing shows nothing"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        timeout=60,
    )
    assert out.returncode == 0, f"{where}:\n{out.stderr}"
    assert out.stdout.splitlines() == told


def test_the_mapping_page_lists_every_key_and_its_example_is_one():
    from pipeline.sources.mapping import FileMapping, Mapping

    page = (ROOT / "docs/files.md").read_text()
    told = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:`([^`]+)`)?", page, re.MULTILINE)
    assert [key for key, _ in told] == list(FileMapping.__struct_fields__)
    defaults = {key: getattr(FileMapping(), key) for key, default in told if default}
    assert {key: str(value).lower() for key, value in defaults.items()} == {
        key: d.lower() for key, d in told if d
    }
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example
    reads = Mapping(tomllib.loads(example[1])).of("reads", Path("feeder1.csv"))
    assert (reads.theirs("at"), reads.theirs("value"), reads.interval_s) == (["Date", "Time"], ["kwh"], 1800)


def test_there_are_examples():
    assert len(blocks("python")) >= 2
    assert len(blocks("toml")) >= 1
