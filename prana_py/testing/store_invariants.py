"""What holds in every store while nobody writes to it: one script of SQL, and one function that reads the journals too.

Each statement of the script finds what is broken; in a sound store it gives no rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from prana_py.driver.decide import next_due
from prana_py.driver.effects import Transact
from prana_py.engine.base import EngineBase
from prana_py.errors import InvariantError, PranaError
from prana_py.execution.execution import Execution
from prana_py.execution.invariants import check_invariants
from prana_py.execution.suspension import MutexWait, SubWorkflowWait
from prana_py.identifiers import ExecutionId
from prana_py.performing.loops import perform
from prana_py.stores import executions
from prana_py.stores.bodies import EXT_CODE
from prana_py.stores.records import Header, Stored
from prana_py.stores.statements import Operation, Statement

FINAL: Final = "('completed', 'failed', 'cancelled')"

SCRIPT: Final = {
    "the positions of a journal have gaps (I1)": """
        SELECT execution, count(*), max(position) FROM journal_row GROUP BY execution
        HAVING count(*) <> max(position) + 1
    """,
    "a journal belongs to no execution (I1)": """
        SELECT DISTINCT execution FROM journal_row WHERE execution NOT IN (SELECT number FROM execution)
    """,
    "an execution has begun without a journal (I1)": """
        SELECT id FROM execution WHERE submission IS NULL AND error IS NULL AND number NOT IN (
            SELECT execution FROM journal_row)
    """,
    "a pending execution has begun, or nobody knows how to begin it (I1)": """
        SELECT id FROM execution WHERE (status = 'pending') <> (submission IS NOT NULL)
    """,
    "an execution that has ended has an owner, or is due (I3)": f"""
        SELECT id, owner, wake_at FROM execution WHERE status IN {FINAL} AND (owner IS NOT NULL OR wake_at IS NOT NULL)
    """,
    "an execution has ended at no time, or has not ended at some (I3)": f"""
        SELECT id, ended_at FROM execution WHERE (status IN {FINAL}) <> (ended_at IS NOT NULL)
    """,
    "nothing can ever make an execution go on (I4)": f"""
        SELECT id, status FROM execution WHERE status NOT IN {FINAL} AND owner IS NULL AND wake_at IS NULL
            AND quarantine IS NULL AND number NOT IN (SELECT execution FROM wait)
            AND NOT (status = 'pending' AND schedule_id IS NOT NULL)
    """,
    "executions of a schedule are in line, and there is none whose end would call them (I4)": f"""
        SELECT schedule_id FROM execution WHERE schedule_id IS NOT NULL AND status NOT IN {FINAL} AND quarantine IS NULL
        GROUP BY schedule_id HAVING sum(CASE WHEN status = 'pending' AND owner IS NULL AND wake_at IS NULL
            THEN 0 ELSE 1 END) = 0
    """,
    "a timer is due before its execution is driven (I4)": f"""
        SELECT e.id, w.wait_id FROM execution AS e JOIN wait AS w ON w.execution = e.number
        WHERE w.wake_at IS NOT NULL AND e.owner IS NULL AND e.quarantine IS NULL AND e.status NOT IN {FINAL}
            AND (e.wake_at IS NULL OR e.wake_at > w.wake_at)
    """,
    "nobody will read a letter (I4)": f"""
        SELECT e.id, i.dedupe_key FROM inbox AS i JOIN execution AS e ON e.number = i.execution
        WHERE i.refusal IS NULL AND e.owner IS NULL AND e.wake_at IS NULL AND e.quarantine IS NULL
            AND e.status NOT IN {FINAL}
    """,
    "a wait is open in an execution that has ended (I6)": f"""
        SELECT e.id, w.wait_id FROM wait AS w LEFT JOIN execution AS e ON e.number = w.execution
        WHERE e.number IS NULL OR e.status IN {FINAL}
    """,
    "a letter is addressed to nobody": """
        SELECT dedupe_key FROM inbox WHERE execution NOT IN (SELECT number FROM execution)
    """,
    "a mutex is held by an execution that has ended": f"""
        SELECT m.name, m.execution FROM mutex AS m LEFT JOIN execution AS e ON e.number = m.execution
        WHERE e.number IS NULL OR e.status IN {FINAL}
    """,
    "a large value is nobody's (I8)": """
        SELECT hash FROM blob WHERE hash NOT IN (SELECT hash FROM blob_use)
    """,
    "a large value is missing (I8)": """
        SELECT execution, hash FROM blob_use WHERE hash NOT IN (SELECT hash FROM blob)
            OR execution NOT IN (SELECT number FROM execution)
    """,
    "a child has no parent (I10)": """
        SELECT id, parent_id FROM execution WHERE parent_id IS NOT NULL AND parent_id NOT IN (SELECT id FROM execution)
    """,
}

_QUERIES: Final = {
    **{f"invariant: {broken}": query for broken, query in SCRIPT.items()},
    "invariants.owned": "SELECT id, owner FROM execution WHERE owner IS NOT NULL",
    "invariants.executions": "SELECT id, quarantine FROM execution ORDER BY number",
    "invariants.letters": """
        SELECT i.dedupe_key FROM inbox AS i JOIN execution AS e ON e.number = i.execution
        WHERE e.id = ? AND i.refusal IS NULL
    """,
    "invariants.turns": "SELECT name, min(ticket) FROM mutex GROUP BY name",
    "invariants.turn": """
        SELECT e.id, m.run FROM mutex AS m JOIN execution AS e ON e.number = m.execution WHERE m.ticket = ?
    """,
}


def check_store(engine: EngineBase) -> list[Execution]:
    """Raise ``InvariantError`` with all that does not hold in an engine's store. Gives every execution that has begun.

    Nobody may write to it meanwhile; executions may be owned and rest in the middle.
    """
    engine.plain.learn(_QUERIES)
    found = engine.plain.transact(_read_all, reads=True)
    broken = [*found.broken]
    loaded: dict[ExecutionId, Execution] = {}
    for execution_id in found.executions:
        try:
            execution = perform(engine.keeper.stored(execution_id), {Transact: _performing(engine)})
            if execution is not None:
                loaded[execution_id] = execution
                check_invariants(execution)
        except PranaError as error:
            broken.append(f"{execution_id!r}: {error}")
    for execution in loaded.values():
        broken += _broken_in(execution, found, loaded)
    broken += _turns_lost(found, loaded)
    if broken:
        raise InvariantError("the store is not sound: " + "; ".join(broken))
    return list(loaded.values())


class _Found(msgspec.Struct):
    """What one look at the store gives."""

    broken: list[str]
    executions: dict[ExecutionId, str | None]
    stored: dict[ExecutionId, Stored]
    waits: dict[ExecutionId, dict[str, Any]]
    letters: dict[ExecutionId, set[str]]
    turns: list[tuple[str, ExecutionId, bytes]]


def _performing(engine: EngineBase) -> Any:
    return lambda effect: engine.plain.transact(effect.make, reads=effect.reads)


def _read_all() -> Operation[_Found]:
    found = _Found([], {}, {}, {}, {}, [])
    for broken in SCRIPT:
        rows = (yield Statement(f"invariant: {broken}")).rows
        if rows:
            found.broken.append(f"{broken}: {rows[:5]}")
    for execution_id, quarantine in (yield Statement("invariants.executions")).rows:
        found.executions[execution_id] = quarantine
        stored = yield from executions.read(execution_id)
        assert stored is not None  # it is read within one transaction
        found.stored[execution_id] = stored
        waits = (yield Statement("wait.of", (stored.header.number,))).rows
        found.waits[execution_id] = {row[0]: tuple(row[1:]) for row in waits}
        letters = (yield Statement("invariants.letters", (execution_id,))).rows
        found.letters[execution_id] = {key for (key,) in letters}
    for name, ticket in (yield Statement("invariants.turns")).rows:
        (holder, run), *_ = (yield Statement("invariants.turn", (ticket,))).rows
        found.turns.append((name, holder, bytes(run)))
    return found


def _broken_in(execution: Execution, found: _Found, loaded: dict[ExecutionId, Execution]) -> Iterator[str]:
    """In what the rows about an execution differ from what its journal tells."""
    stored = found.stored[execution.id]
    for what, told, kept in _told_twice(execution, stored.header, found.waits[execution.id]):
        if told != kept:
            yield f"{execution.id!r} has {what} {kept!r}, and by its journal {told!r}"
    kept_apart = set(_references(stored.bodies, stored.blobs))
    if kept_apart != set(stored.blobs):
        yield f"{execution.id!r} uses {len(stored.blobs)} large values, and its journal names {len(kept_apart)} (I8)"
    due, header = next_due(execution), stored.header
    rests = header.owner is None and header.quarantine is None and not execution.is_final
    if rests and due is not None and (header.wake_at is None or header.wake_at > due):
        yield f"{execution.id!r} is due at {due}, and will be driven at {header.wake_at} (I4)"
    yield from _family(execution, found, loaded)


def _told_twice(execution: Execution, header: Header, waits: dict[str, Any]) -> Iterable[tuple[str, object, object]]:
    """What an index says, beside what the journal does."""
    yield "status (I2)", execution.status, header.status
    yield (
        "workflow (I2)",
        (execution.workflow_id, execution.workflow_version),
        (
            header.workflow_id,
            header.workflow_version,
        ),
    )
    yield "graph (I2)", execution.execution_graph.digest, header.digest
    yield "end time (I2)", execution.last_at if execution.is_final else None, header.ended_at
    yield (
        "waits (I6)",
        {wait_id: executions.wait_columns(wait) for wait_id, wait in execution.suspensions.items()},
        waits,
    )


def _references(bodies: Iterable[bytes], blobs: dict[bytes, bytes]) -> Iterator[bytes]:
    """The names of all large values that rows, or large values themselves, stand for."""
    names: list[bytes] = []

    def note(code: int, data: memoryview) -> None:
        if code == EXT_CODE:
            names.append(bytes(data))

    decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(ext_hook=note)
    for body in bodies:
        decoder.decode(body)
    seen: set[bytes] = set()
    while names:
        name = names.pop()
        if name not in seen:
            seen.add(name)
            yield name
            if name in blobs:
                decoder.decode(blobs[name])


def _family(execution: Execution, found: _Found, loaded: dict[ExecutionId, Execution]) -> Iterator[str]:
    """Parent and children agree: who is waited for is there, and whose end nobody waits for any more is told (I10)."""
    rests = found.stored[execution.id].header.owner is None
    for suspension in execution.suspensions.values():
        wait = suspension.wait
        if not isinstance(wait, SubWorkflowWait) or not wait.children:
            continue
        missing = [child for child in wait.children if child not in found.executions]
        if missing and (rests or wait.execution_mode != "sync"):
            yield f"{execution.id!r} waits for {missing}, which were never started (I10)"
        told = found.letters[execution.id]
        over = [child for child in wait.children if child in found.stored and found.stored[child].header.is_final]
        if rests and len(over) == len(wait.children) and not any(f"end of {child}" in told for child in over):
            yield f"{execution.id!r} waits for {over}, which have ended, and nobody tells it (I10)"
    parent = execution.identity.parent
    if parent is not None and parent.execution_id in loaded:
        waits = loaded[parent.execution_id].history()
        if not any(parent.wait_id == wait.wait_id for row in waits for wait in getattr(row, "waits", ())):
            yield f"{execution.id!r} is the child of a wait that its parent never opened (I10)"


def _turns_lost(found: _Found, loaded: dict[ExecutionId, Execution]) -> Iterator[str]:
    """Whoever has the turn at a mutex either uses it, or will be told."""
    for name, holder, run in found.turns:
        execution = loaded.get(holder)
        key = tuple(msgspec.msgpack.decode(run))
        rests = holder in found.stored and found.stored[holder].header.owner is None
        if (
            execution is None
            or not rests
            or any(letter.startswith(f"turn at {name} ") for letter in found.letters[holder])
        ):
            continue
        for suspension in execution.suspensions.values():
            waits_in_line = isinstance(suspension.wait, MutexWait) and suspension.wait.name == name
            if waits_in_line and (suspension.node_key, list(suspension.scope), suspension.run) == (
                key[0],
                [tuple(part) for part in key[1]],
                key[2],
            ):
                yield f"{holder!r} has the turn at mutex {name!r}, waits for it, and nobody tells it"
