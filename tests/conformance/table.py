"""Writes docs/conformance.md from the tests that pytest collects: ``python -m tests.conformance.table [--check]``."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from pathlib import Path

import pytest

from tests.conformance.rows import OWN_GROUP, Row, read_reasons, read_rows
from tests.conftest import rows_of

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

MOST_REFUSED = 30

STATES = ("tested", "refused", "later")

INTRODUCTION = """\
# Conformance with the original

prana_py keeps what Prana, the engine that it is modelled on, shows in its own test suite: every test there is a row
here, with the test of ours that shows it. Group X holds what that suite never tests. Where a row and
[the concepts](concepts.md) disagree, the concepts win and the row says so. `python -m pytest -k NS7` runs exactly the
row NS7.

This page is written by `python -m tests.conformance.table`.
"""


class Collector:
    """A pytest plugin that keeps the ids of the tests of each row."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what was collected."""
        for item in session.items:
            for row in rows_of(item):
                self.tests[row].append(item.nodeid)


def collect() -> Mapping[str, list[str]]:
    """The ids of the tests of each row; a collection that fails ends the program with what pytest said."""
    collector = Collector()
    said = StringIO()
    with redirect_stdout(said):
        status = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", "tests"], plugins=[collector])
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        sys.exit(said.getvalue())
    return collector.tests


@dataclass(frozen=True)
class Table:
    """The rows, and in which state each is."""

    rows: Mapping[str, Row]
    tested: Mapping[str, list[str]]
    refused: Mapping[str, str]
    later: Mapping[str, str]

    def states(self, name: str) -> list[str]:
        """What a row is; exactly one of the three, if all is well."""
        return [state for state in STATES if name in getattr(self, state)]


def problems(table: Table) -> Iterator[str]:
    """What is wrong with the table, a sentence each."""
    for row in table.rows.values():
        states = table.states(row.name)
        if not states:
            yield f"{row.name} is neither tested, refused nor later: {row.promise}"
        elif len(states) > 1:
            yield f"{row.name} is {' and '.join(states)}"
    count = sum(table.rows[name].group != OWN_GROUP for name in table.refused)
    if count > MOST_REFUSED:
        yield f"{count} of the original's rows are refused; at most {MOST_REFUSED} may be"


def page(table: Table) -> str:
    """The whole page as Markdown."""
    lines = [INTRODUCTION, *totals(table)]
    for _, group in groupby(table.rows.values(), key=lambda row: row.group):
        members = list(group)
        lines += ["", f"## {members[0].group} – {members[0].subject}", ""]
        lines += ["| Row | Promise | Shown by |", "|---|---|---|"]
        lines += [f"| {row.name} | {row.promise} | {shown_by(table, row.name)} |" for row in members]
    return "\n".join(lines) + "\n"


def totals(table: Table) -> list[str]:
    """How many rows are in which state, of the original's and of our own."""
    lines = [f"| | rows | {' | '.join(STATES)} |", "|---|--:|--:|--:|--:|"]
    for title, own in (("the original's", False), ("found by experiment", True)):
        names = [row.name for row in table.rows.values() if (row.group == OWN_GROUP) is own]
        counts = Counter(state for name in names for state in table.states(name))
        lines.append(f"| {title} | {len(names)} | {' | '.join(str(counts[state]) for state in STATES)} |")
    return lines


def shown_by(table: Table, name: str) -> str:
    """The first test of a row, or why there is none."""
    if name in table.tested:
        first, *more = table.tested[name]
        return f"`{first}`" + (f" and {len(more)} more" if more else "")
    if name in table.refused:
        return f"**refused**: {table.refused[name]}"
    return f"*later*: {table.later[name]}" if name in table.later else "**missing**"


def main(arguments: list[str]) -> int:
    """Write the page, or with ``--check`` say why it would be another one; 1 when anything is wrong."""
    rows = read_rows()
    table = Table(rows, collect(), read_reasons("refused", rows), read_reasons("later", rows))
    found = list(problems(table))
    text = page(table)
    if arguments != ["--check"]:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        found.append("docs/conformance.md is stale; write it anew with `python -m tests.conformance.table`")
    print("\n".join(found) or f"conformance: {len(rows)} rows, each accounted for")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
