"""The SQL that lists and counts executions: one statement for each set of conditions that somebody may have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Final

from prana_py.stores.sql.shared import HEADER

CONDITIONS: Final[Mapping[str, str]] = {
    "parent": "parent_id = ?",
    "quarantined": "quarantine IS NOT NULL",
    "sound": "quarantine IS NULL",
    "workflow": "workflow_id = ?",
    "status": "status = ?",
    "trigger": "trigger_type = ?",
}
"""What a list may be narrowed by, in the order in which statements name it."""

_INDEX_BY: Final[Mapping[str, str]] = {
    "parent": "execution_parent",
    "quarantined": "execution_quarantine",
    "workflow": "execution_workflow",
    "status": "execution_status",
}
"""The index that finds the rows, by the first of these conditions. It holds the trigger and the time as well."""


def statement_name(verb: str, conditions: Iterable[str]) -> str:
    """What the statement with these conditions is called."""
    given = set(conditions)
    return ".".join((verb, *(name for name in CONDITIONS if name in given)))


def listing(*, names_index: bool) -> dict[str, str]:
    """All statements. ``names_index``: SQLite is told which index to use, for it keeps no figures to choose by."""
    statements = {}
    for conditions in _combinations():
        index = next(_INDEX_BY[name] for name in _INDEX_BY if name in conditions)
        source = f"execution INDEXED BY {index}" if names_index else "execution"
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
    """Those that can be asked for: without a parent or a quarantine there is always a status."""
    for parent, health, workflow, status, trigger in product(
        ("parent", ""), ("quarantined", "sound", ""), ("workflow", ""), ("status", ""), ("trigger", "")
    ):
        if status or parent or health == "quarantined":
            yield tuple(filter(None, (parent, health, workflow, status, trigger)))
