"""Mutexes that reach beyond one execution: a line for each name, first come, first served."""

from __future__ import annotations

import msgspec

from prana_py.driver.effects import ReleaseMutexes
from prana_py.driver.requests import MutexFree
from prana_py.execution.rows import RunKey
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import executions
from prana_py.stores.records import encode
from prana_py.stores.statements import Batch, Many, Operation, Statement

_RUNS = msgspec.msgpack.Decoder(RunKey)


def acquire(name: str, number: int, run: RunKey, epoch: int | None = None) -> Operation[bool]:
    """Whether it is the run's turn; if not, it is in line from here on.

    With the ``epoch`` of a lease only if that still holds: who has lost it would stay in line for ever.
    """
    body = msgspec.msgpack.encode(run)
    yield Statement("mutex.lock", (name,))
    if epoch is None:
        yield Statement("mutex.line_up", (name, number, body))
    else:
        yield Statement("mutex.line_up_by_lease", (name, body, number, epoch))
    first = (yield Statement("mutex.first", (name,))).rows
    return bool(first) and first[0][1] == number and bytes(first[0][2]) == body


def give_up(number: int, effect: ReleaseMutexes, now: Instant) -> Operation[list[ExecutionId]]:
    """An execution's runs leave every line, but for the live ones; whoever comes to be first is told. Who that is."""
    next_ones: list[ExecutionId] = []
    leaving: dict[str, list[int]] = {}
    for ticket, name, run in (yield Statement("mutex.of", (number,))).rows:
        if _RUNS.decode(bytes(run)) not in effect.but_for:
            leaving.setdefault(name, []).append(ticket)
    for name in sorted(leaving):
        yield Statement("mutex.lock", (name,))
        before = (yield Statement("mutex.first", (name,))).rows
        yield Many("mutex.leave", [(ticket,) for ticket in leaving[name]])
        for ticket, _, run, next_id in (yield Statement("mutex.first", (name,))).rows:
            if ticket != before[0][0]:
                free = encode(MutexFree(name, _RUNS.decode(bytes(run))))
                next_ones.append(next_id)
                yield Batch(executions.post(next_id, f"turn at {name} with {ticket}", free, now))
    return next_ones
