"""What is wrong, for people in a few lines, for programs as one object."""

from __future__ import annotations

from collections.abc import Iterable

from prana_py.cli.screen import Screen
from prana_py.errors import DocumentError, PranaError, Problem

MOST_SHOWN = 20


def show_refusal(screen: Screen, error: PranaError, about: str) -> None:
    """The error in a line; the problems of a document a line each."""
    if isinstance(error, DocumentError):
        screen.line(about, ": ", (error.message.partition("\n")[0], "bold red"))
        show_problems(screen, error.problems)
        return
    screen.line(("prana: ", "bold red"), error.message)


def show_problems(screen: Screen, problems: Iterable[Problem], style: str = "red") -> None:
    """Each problem with its place and its code, so many that people read them."""
    all_of_them = list(problems)
    for problem in all_of_them[:MOST_SHOWN]:
        place = f"{problem.place}: " if problem.place else ""
        screen.line("  ", (place, "bold"), (problem.message, style), (f" [{problem.code}]", "dim"))
    if len(all_of_them) > MOST_SHOWN:
        screen.line(f"  … and {len(all_of_them) - MOST_SHOWN} more; --json tells all")
