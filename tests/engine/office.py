"""A store in a file, a clock, and engines that come and go: what the engine's tests share."""

from __future__ import annotations

import sqlite3
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from prana_py import Execution, LocalRuntime, PranaError, Workflow
from prana_py.engine.engine import Engine
from prana_py.testing.fake_clock import FakeClock


class Office:
    """Engines over one file. Each has its own connection and holder, as engines of several processes have."""

    def __init__(self, folder: Path, nodes: Any = (), *, dsn: str = "", **options: Any) -> None:
        self.folder = folder
        self.file = folder / "office.db"
        self.dsn = dsn
        self.address = dsn or f"sqlite:///{self.file}"
        self.clock = FakeClock()
        self.nodes = list(nodes)
        self.options = options
        self.engines: list[Engine] = []

    def open(self, **options: Any) -> Engine:
        """One more engine."""
        runtime = LocalRuntime(clock=self.clock, max_concurrency=options.pop("max_concurrency", 1))
        engine = Engine(self.address, nodes=self.nodes, runtime=runtime, **{**self.options, **options})
        self.engines.append(engine)
        return engine

    def publish(self, *workflows: Workflow, **options: Any) -> Engine:
        """An engine that knows these workflows."""
        engine = self.open(**options)
        for workflow in workflows:
            engine.publish(workflow)
        return engine

    def close(self) -> None:
        """Close whatever is open."""
        while self.engines:
            self.engines.pop().close()

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """What is in the file."""
        with self.connection() as connection:
            return [
                tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
                for row in connection.execute(self.sql(sql), parameters).fetchall()
            ]

    def write(self, sql: str, *parameters: Any) -> None:
        """Change what is in the file behind everybody's back."""
        with self.connection() as connection, connection:
            connection.execute(self.sql(sql), parameters)

    def connection(self) -> Any:
        """A connection of one's own, closed after the block."""
        return closing(psycopg.connect(self.dsn)) if self.dsn else closing(sqlite3.connect(self.file, timeout=10))

    def sql(self, text: str) -> str:
        """A statement as the database understands it."""
        return text.replace("?", "%s") if self.dsn else text

    def journal(self) -> list[tuple[Any, ...]]:
        """All rows of all journals, as they are kept."""
        return self.rows("SELECT place, body FROM journal ORDER BY place")

    def refusal(self, ask: Callable[..., Any], *given: Any, **named: Any) -> str:
        """The code of the error that comes; and nothing has changed: neither journals, nor who has to do what when."""
        before = self.journal(), self.duties()
        with pytest.raises(PranaError) as refused:
            ask(*given, **named)
        assert (self.journal(), self.duties()) == before
        return refused.value.code

    def duties(self) -> list[tuple[Any, ...]]:
        """Who drives what, what is due when, and which letters lie there."""
        return [
            *self.rows("SELECT id, status, owner, wake_at FROM execution ORDER BY number"),
            *self.rows("SELECT execution, dedupe_key FROM inbox ORDER BY number"),
        ]

    def bury(self, engine: Engine) -> None:
        """The engine's process has died, and everybody knows; what it held stays as it was."""
        engine.heartbeat.end()
        engine._unwatch()
        engine.database.close()
        self.engines.remove(engine)
        self.write("DELETE FROM holder WHERE id = ?", engine.id)

    def all_of(self, engine: Engine) -> list[Execution]:
        """Every execution that has begun."""
        ids = self.rows("SELECT id FROM execution ORDER BY number")
        return [engine.get(execution_id) for (execution_id,) in ids]


def offices(folder: Path, nodes: Any, **options: Any) -> Iterator[Office]:
    """An office for a test, closed after it."""
    office = Office(folder, nodes, **options)
    yield office
    office.close()


def offices_of(request: pytest.FixtureRequest, nodes: Any) -> Iterator[Office]:
    """An office over the database that the fixture's parameter names."""
    folder: Path = request.getfixturevalue("tmp_path")
    if request.param == "sqlite":
        yield from offices(folder, nodes)
        return
    told = conninfo_to_dict(request.getfixturevalue("postgresql_dsn"))
    dsn = f"postgresql://{told['user']}@{told['host']}:{told['port']}/{told['dbname']}"
    request.getfixturevalue("monkeypatch").setenv("PRANA_KEY", b64encode(b"k" * 32).decode())
    yield from offices(folder, nodes, dsn=dsn)


DATABASES = ["sqlite", "postgresql"]
