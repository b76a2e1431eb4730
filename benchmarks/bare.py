"""The floors of what is durable: the bare driver, which commits the same rows in the same way in a file of its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any


class BareSqlite:
    """A table of rows by place, and nothing else."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute(f"PRAGMA synchronous = {synchronous}")
        self.connection.execute("CREATE TABLE journal (place INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        self.place = 0

    def commit_each(self, bodies: Iterable[bytes], *, at_once: int = 1) -> None:
        """Some rows a transaction."""
        execute = self.connection.execute
        waiting = 0
        for body in bodies:
            if not waiting:
                execute("BEGIN IMMEDIATE")
            self.place += 1
            execute("INSERT INTO journal (place, body) VALUES (?, ?)", (self.place, body))
            waiting += 1
            if waiting == at_once:
                execute("COMMIT")
                waiting = 0
        if waiting:
            execute("COMMIT")

    def cycle(self, halves: tuple[list[bytes], list[bytes]]) -> None:
        """Write the first half of a journal, read it again, write the other."""
        first = self.place + 1
        self.commit_each(halves[0], at_once=len(halves[0]))
        self.connection.execute("SELECT body FROM journal WHERE place >= ? ORDER BY place", (first,)).fetchall()
        self.commit_each(halves[1], at_once=len(halves[1]))

    def close(self) -> None:
        """Give the file back."""
        self.connection.close()


class BarePostgresql:
    """The same table in PostgreSQL, through psycopg."""

    def __init__(self, dsn: str) -> None:
        import psycopg

        self.connection: Any = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("CREATE TABLE bare_journal (place bigint PRIMARY KEY, body bytea NOT NULL)")
        self.place = 0

    def commit_each(self, bodies: Iterable[bytes]) -> None:
        """One row a transaction."""
        for body in bodies:
            self.place += 1
            self.connection.execute(
                "INSERT INTO bare_journal (place, body) VALUES (%s, %s)", (self.place, body), prepare=True
            )

    def close(self) -> None:
        """Give the connection back."""
        self.connection.close()
