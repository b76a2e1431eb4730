"""Columns that stand under each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prana_py.cli.screen import Screen


def show_table(screen: Screen, heads: Sequence[str], rows: Iterable[Sequence[str]], *, indent: str = "") -> None:
    """A line for each row, under the heads; the last column is as wide as it is."""
    lines = [tuple(heads), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for number, line in enumerate(lines):
        text = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        screen.line((f"{indent}{text}", "" if number else "dim"))
