"""A table of notes, and operations on it: the smallest store that there can be."""

from __future__ import annotations

from typing import Any

from prana_py.stores.statements import Batch, Many, Operation, Statement

SQL = {
    "note.create": "CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
    "note.insert": "INSERT INTO note (id, text) VALUES (?, ?)",
    "note.insert_returning": "INSERT INTO note (id, text) VALUES (?, ?) RETURNING id",
    "note.all": "SELECT id, text FROM note ORDER BY id",
    "note.like": "SELECT id FROM note WHERE text LIKE '%?' AND text = ? ORDER BY id",
    "note.rename": "UPDATE note SET text = ? WHERE id = ?",
    "note.missing_table": "SELECT 1 FROM absent",
    "note.nonsense": "SELEKT 1",
}


def create() -> Operation[None]:
    yield Statement("note.create")


def insert(number: int, text: str | None) -> Operation[int]:
    """How many rows that touched."""
    touched: int = (yield Statement("note.insert", (number, text))).touched
    return touched


def insert_in_batch(*notes: tuple[int, str | None]) -> Operation[list[int]]:
    """All notes in one batch."""
    answers = yield Batch(tuple(Statement("note.insert", note) for note in notes))
    return [answer.touched for answer in answers]


def insert_many(*notes: tuple[int, str]) -> Operation[int]:
    """All notes with one statement."""
    touched: int = yield Many("note.insert", list(notes))
    return touched


def everything() -> Operation[list[tuple[Any, ...]]]:
    rows: list[tuple[Any, ...]] = (yield Statement("note.all")).rows
    return rows


def tell(*execution_ids: str) -> Operation[None]:
    """Tell the watchers."""
    for execution_id in execution_ids:
        yield Statement("notify", (execution_id,))
