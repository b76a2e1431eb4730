"""Very many executions in a store, made by its own SQL from one that suspended there."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

from prana_py.engine.engine import Engine
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import executions
from prana_py.stores.database import Database
from prana_py.stores.records import PLACES
from prana_py.stores.statements import Batch, Many, Operation, Statement

AT_ONCE: Final = 10_000
"""Clones that one transaction makes."""

_SQL: Final = {
    "population.headers": """
        INSERT INTO execution (id, workflow_id, workflow_version, digest, status, created_at, trigger_type, epoch,
            wake_at)
        SELECT ?, workflow_id, workflow_version, digest, status, created_at, trigger_type, epoch, ?
        FROM execution WHERE number = ?
    """,
    "population.waits": """
        INSERT INTO wait (execution, wait_id, kind, node_key, name, wake_at, opened_at)
        SELECT e.number, w.wait_id, w.kind, w.node_key, w.name, w.wake_at, w.opened_at
        FROM wait AS w CROSS JOIN execution AS e WHERE w.execution = ? AND e.number > ?
    """,
    "population.last": "SELECT max(number) FROM execution",
    "population.statuses": "SELECT status, count(*) FROM execution GROUP BY status ORDER BY status",
}

MANY_WAITING: Final = """
    INSERT INTO execution (id, workflow_id, workflow_version, digest, status, created_at, trigger_type, epoch, wake_at)
    WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ?)
    SELECT 'waiting ' || n, 'workflow ' || (n % 500), 1, 'digest', 'suspended', ? + n, 'manual', 1, ? + n FROM counted
"""
"""So many headers of executions that wait: each was created, and will be due, a nanosecond after the one before."""

MANY_WAITS: Final = """
    INSERT INTO wait (execution, wait_id, kind, node_key, name, wake_at, opened_at)
    SELECT number, 'sleep#0', 'interval', 'sleep', NULL, wake_at, created_at FROM execution WHERE status = 'suspended'
"""


def clone_id(number: int, like: ExecutionId) -> ExecutionId:
    """The id of a clone: as long as that of the first, because rows name it."""
    return f"{number:0{len(like)}d}"


def clone(engine: Engine, execution_id: ExecutionId, count: int) -> None:
    """Make clones of an execution that waits for a timer: headers, journals and waits, each with an id of its own."""
    database = engine.database
    database.learn(_SQL)
    stored = database.transact(lambda: executions.read(execution_id), reads=True)
    assert stored is not None
    bodies = [bytes(body) for body in stored.bodies]
    numbers = iter(range(count))
    while some := list(islice(numbers, AT_ONCE)):
        database.transact(lambda some=some: _cloned(stored.header, bodies, execution_id, some))  # type: ignore[misc]  # bound now


def _cloned(header: Any, bodies: list[bytes], like: ExecutionId, numbers: list[int]) -> Operation[None]:
    last: int = (yield Statement("population.last")).rows[0][0]
    ids = [clone_id(number, like) for number in numbers]
    headers: list[tuple[Any, ...]] = [(each, header.wake_at, header.number) for each in ids]
    rows = [
        ((last + 1 + place) * PLACES + position, body.replace(like.encode(), each.encode()))
        for place, each in enumerate(ids)
        for position, body in enumerate(bodies)
    ]
    yield Batch(
        (
            Many("population.headers", headers),
            Many("journal.append_more", rows),
            Statement("population.waits", (header.number, last)),
        )
    )


def fill_with_waiting(database: Database, count: int, created_at: Instant, due_at: Instant) -> None:
    """Make so many headers and waits of executions that are due from an instant on, one after the other."""
    database.learn({"population.waiting": MANY_WAITING, "population.open": MANY_WAITS})

    def fill() -> Operation[None]:
        yield Statement("population.waiting", (count, created_at, due_at))
        yield Statement("population.open")

    database.transact(fill)


def statuses(database: Database) -> dict[str, int]:
    """How many executions there are of each status."""

    def ask() -> Operation[list[Any]]:
        rows: list[Any] = (yield Statement("population.statuses")).rows
        return rows

    return dict(database.transact(ask, reads=True))


def in_batches(engine: Engine, limit: int) -> Iterator[int]:
    """Drive what is due, batch after batch, until nothing is; how many each had."""
    while driven := engine.wake_due(limit):
        yield len(driven)
