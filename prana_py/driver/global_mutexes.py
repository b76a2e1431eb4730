"""Mutexes that reach beyond one execution: a run asks for its turn before it begins, and waits outside if it must.

The table of turns is not the core's: a runtime keeps it in memory, and a store can keep it for many processes. It is
asked by ``AcquireMutex`` and told by ``ReleaseMutexes``; whose turn it then is gets the request ``MutexFree``.
"""

from __future__ import annotations

from typing import Protocol

from prana_py.driver.effects import AcquireMutex, ReleaseMutexes
from prana_py.driver.failing import refs_of
from prana_py.driver.headers import header
from prana_py.driver.program import Program
from prana_py.execution.activation import Activation
from prana_py.execution.draft import open_wait
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Resumed, Row, Suspended
from prana_py.execution.suspension import MutexWait
from prana_py.identifiers import Instant


class Driven(Protocol):
    """What is needed of the drive."""

    execution: Execution
    now: Instant

    def write(self, row: Row) -> Program[None]: ...


def take_turn(drive: Driven, activation: Activation) -> Program[bool]:
    """Whether the run may go on; if not, it waits from here on. A run that was resumed has its turn still."""
    settings = activation.vertex.settings
    if settings.mutex is None or settings.mutex_reach != "global" or activation.resumption is not None:
        return True
    if (yield AcquireMutex(settings.mutex, drive.execution.id, activation.key)):
        return True
    yield from drive.write(_awaits(drive.execution, activation, settings.mutex, drive.now))
    return False


def take_free_turns(drive: Driven) -> Program[None]:
    """Runs that waited for their turn go on, where that has come meanwhile."""
    for suspension in list(drive.execution.suspensions.values()):
        wait = suspension.wait
        if not isinstance(wait, MutexWait) or wait.reach != "global":
            continue
        key = (suspension.node_key, suspension.scope, suspension.run)
        if (yield AcquireMutex(wait.name, drive.execution.id, key)):
            yield from drive.write(Resumed(drive.now, suspension.wait_id))


def give_up_turns(execution: Execution) -> ReleaseMutexes:
    """Whatever the execution holds or waits for is free, but for its live runs."""
    live = frozenset(activation.key for activation in (*execution.frontier, *execution.parked.values()))
    return ReleaseMutexes(execution.id, live)


def _awaits(execution: Execution, activation: Activation, name: str, now: Instant) -> Suspended:
    suspension = open_wait(activation, MutexWait(name=name, reach="global"), now, name=".mutex")
    return Suspended(*header(execution, activation, now, now), refs_of(activation), (suspension,))
