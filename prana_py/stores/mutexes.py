"""Mutexes that reach beyond one execution: a line for each name, first come, first served."""

from __future__ import annotations

import msgspec

from prana_py.driver.effects import ReleaseMutexes
from prana_py.driver.requests import MutexFree
from prana_py.execution.rows import RunKey
from prana_py.identifiers import Instant
from prana_py.stores import executions
from prana_py.stores.records import encode
from prana_py.stores.statements import Batch, Operation, Statement

_RUNS = msgspec.msgpack.Decoder(RunKey)


def acquire(name: str, number: int, run: RunKey) -> Operation[bool]:
    """Whether it is the run's turn; if not, it is in line from here on."""
    body = msgspec.msgpack.encode(run)
    yield Statement("mutex.line_up", (name, number, body))
    first = (yield Statement("mutex.first", (name,))).rows[0]
    return first[0] == number and bytes(first[1]) == body


def give_up(number: int, effect: ReleaseMutexes, now: Instant) -> Operation[None]:
    """An execution's runs leave every line, but for the live ones; whoever is next is told."""
    for ticket, name, run in (yield Statement("mutex.of", (number,))).rows:
        if _RUNS.decode(bytes(run)) in effect.but_for:
            continue
        yield Statement("mutex.leave", (ticket,))
        for (next_id,) in (yield Statement("mutex.next", (name,))).rows:
            key = f"turn at {name} after {ticket}"
            yield Batch(executions.post(next_id, key, encode(MutexFree(name)), now))
