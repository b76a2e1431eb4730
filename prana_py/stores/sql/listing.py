"""The SQL that lists and counts executions: one statement for each set of conditions that somebody may have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import product
from typing import Final

from prana_py.stores.sql.shared import HEADER

CONDITIONS: Final[Mapping[str, str]] = {
    "parent": "parent_id = ?",
    "quarantined": "quarantine IS NOT NULL",
    "sound": "quarantine IS NULL",
    "workflow": "workflow_id = ?",
    "status": "status = ?",
    "completed": "status = 'completed'",
    "trigger": "trigger_type = ? AND trigger_type <> 'manual'",
    "manual": "trigger_type = 'manual'",
}
"""What a list may be narrowed by, in the order in which statements name it.

Most executions are completed, and most were started by hand: where something else is asked for, too, the index goes by
that.
"""


def _index(conditions: Collection[str]) -> str:
    """The index by which fewest rows are looked at in vain."""
    of_workflow = "_workflow" if "workflow" in conditions else ""
    if "parent" in conditions:
        return "execution_parent"
    if "quarantined" in conditions:
        return "execution_quarantine"
    if "trigger" in conditions and "status" not in conditions:
        return f"execution{of_workflow}_trigger"
    return f"execution{of_workflow or '_status'}"


def statement_name(verb: str, conditions: Iterable[str]) -> str:
    """What the statement with these conditions is called."""
    given = set(conditions)
    return ".".join((verb, *(name for name in CONDITIONS if name in given)))


def listing(*, names_index: bool) -> dict[str, str]:
    """All statements. ``names_index``: SQLite is told which index to use, for it keeps no figures to choose by."""
    statements = {}
    for conditions in _combinations():
        source = f"execution INDEXED BY {_index(conditions)}" if names_index else "execution"
        where = " AND ".join(CONDITIONS[name] for name in conditions)
        statements[statement_name("list", conditions)] = f"""
            SELECT {HEADER} FROM {source}
            WHERE {where} AND created_at >= ? AND (created_at, number) < (?, ?)
            ORDER BY created_at DESC, number DESC LIMIT ?
        """
        statements[statement_name("count", conditions)] = f"""
            SELECT count(*) FROM {source} WHERE {where} AND created_at >= ? AND created_at < ?
        """
    return statements


def _combinations() -> Iterator[tuple[str, ...]]:
    """Those that can be asked for: where nothing else tells which index to take there is always a status."""
    choices = product(
        ("parent", ""),
        ("quarantined", "sound", ""),
        ("workflow", ""),
        ("status", "completed", ""),
        ("trigger", "manual", ""),
    )
    for choice in choices:
        conditions = tuple(filter(None, choice))
        if not {"parent", "quarantined", "trigger", "status"}.isdisjoint(conditions):
            yield conditions
