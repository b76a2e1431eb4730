"""Writes the page about the patterns from the workflows that the tests play: ``python -m tests.patterns.page``."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

from prana_py import compile_workflow
from prana_py.graph.diagram import draw
from tests.patterns.nodes import NODES
from tests.patterns.pattern import PATTERNS, Pattern

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent.parent / "docs" / "patterns.md"
OPENING: Final = (HERE / "page_opening.md").read_text(encoding="utf-8")


def known_patterns() -> list[Pattern]:
    """All of them, in order of their numbers."""
    for path in sorted(HERE.glob("test_[0-9]*.py")):
        import_module(f"{__package__}.{path.stem}")
    return [PATTERNS[number] for number in sorted(PATTERNS)]


def page() -> str:
    """The opening, a table of how each pattern is written, and a picture of each."""
    patterns = known_patterns()
    rows = [f"| [{p.number}](#{_anchor(p)}) | {p.name} | {p.how} |" for p in patterns]
    pictures = [f"### {p.number} {p.name}\n\n```mermaid\n{_picture(p)}```\n" for p in patterns]
    table = "\n".join(["| | Pattern | How it is written |", "|---|---|---|", *rows])
    return OPENING.replace("{table}", table) + "\n" + "\n".join(pictures)


def _anchor(shown: Pattern) -> str:
    """The name that a heading gets where pages are shown."""
    text = f"{shown.number} {shown.name}".lower().replace(" ", "-")
    return "".join(letter for letter in text if letter.isalnum() or letter == "-")


def _picture(shown: Pattern) -> str:
    return draw(compile_workflow(shown.make(), NODES), "mermaid")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
