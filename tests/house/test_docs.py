"""The documentation runs, prints what it says, and leads somewhere."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from tests.house.sources import TOP

PAGES = [path.relative_to(TOP) for path in (TOP / "README.md", *sorted((TOP / "docs").rglob("*.md")))]

_FENCE = re.compile(r"^```(?P<language>\w*) *(?P<file>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)

_LINK = re.compile(r"\]\((?P<target>[^)#:\s]+)(?:#[^)]*)?\)")


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    file: str
    """The file that it is to be, in a process of its own; those without one are run here."""
    body: str
    line: int
    follows: bool
    """Nothing but empty lines stands between it and the block before."""


def read(page: Path) -> str:
    """The text of a page."""
    return (TOP / page).read_text(encoding="utf-8")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found: list[Block] = []
    end = 0
    for match in _FENCE.finditer(text):
        line = text.count("\n", 0, match.start("body")) + 1
        follows = bool(found) and not text[end : match.start()].strip()
        found.append(Block(match["language"], match["file"], match["body"], line, follows))
        end = match.end()
    return found


def pages_with(language: str) -> list[Path]:
    """The pages that have a block in a language."""
    return [
        page for page in PAGES if any(block.language == language and not block.file for block in blocks(read(page)))
    ]


@pytest.mark.parametrize("page", pages_with("python"), ids=str)
def test_the_examples_of_a_page_run_and_print_what_it_says(
    page: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    module = ModuleType("a_page_of_the_documentation")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.chdir(tmp_path)

    printed = ""
    for block in blocks(read(page)):
        if block.language == "python" and not block.file:
            exec(compile("\n" * (block.line - 1) + block.body, TOP / page, "exec"), module.__dict__)
            printed = capsys.readouterr().out
        elif block.language == "text" and block.follows:
            assert printed == block.body, f"{page}:{block.line}"


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_the_links_of_a_page_lead_to_files(page: Path):
    targets = [match["target"] for match in _LINK.finditer(_FENCE.sub("", read(page)))]

    assert [target for target in targets if not (TOP / page.parent / target).exists()] == []


def test_a_page_can_be_reached_from_the_readme():
    seen, ahead = set(), [Path("README.md")]
    while ahead:
        page = ahead.pop()
        if page in seen or not (TOP / page).exists():
            continue
        seen.add(page)
        targets = [match["target"] for match in _LINK.finditer(read(page))]
        ahead += [(TOP / page.parent / target).resolve().relative_to(TOP) for target in targets if target[-3:] == ".md"]

    assert set(PAGES) - seen == set()
