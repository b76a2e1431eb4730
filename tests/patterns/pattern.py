"""What a pattern is here: its number, its name, the smallest workflow that shows it, and a line on how to write it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from prana_py import Workflow

Making: TypeAlias = Callable[[], Workflow]


class Pattern(NamedTuple):
    """One of the 43 workflow control-flow patterns."""

    number: int
    name: str
    make: Making

    @property
    def how(self) -> str:
        """How it is written, in a sentence or two."""
        return " ".join((self.make.__doc__ or "").split())


PATTERNS: Final[dict[int, Pattern]] = {}
"""By number; a module of tests adds its own when it is imported."""


def pattern(number: int, name: str) -> Callable[[Making], Making]:
    """The function makes the workflow that shows this pattern; its docstring says how."""

    def register(make: Making) -> Making:
        PATTERNS[number] = Pattern(number, name, make)
        return make

    return register
