"""A database that fails, or takes its process down, at a call that is named beforehand: to see what is left then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from threading import Lock
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from prana_py.errors import StorageError
from prana_py.stores import failures
from prana_py.stores.database import Database
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher

Value = TypeVar("Value")

Kind: TypeAlias = Literal[
    "killed before",
    "killed after",
    "busy",
    "full",
    "unavailable",
    "unknown, not committed",
    "unknown, committed",
]
"""What happens at a call: the process ends, or the call fails in one of the ways in which databases do."""

KILLS: Final[tuple[Kind, ...]] = ("killed before", "killed after")

FAILURES: Final[tuple[Kind, ...]] = ("busy", "full", "unavailable", "unknown, not committed", "unknown, committed")


class Fault(NamedTuple):
    """What happens at which call, counted from 1; and to how many calls in a row."""

    call: int
    kind: Kind
    calls: int = 1

    def hits(self, call: int) -> bool:
        """Whether it happens at this call."""
        return self.call <= call < self.call + self.calls


class Killed(BaseException):
    """The process has ended here. No handler of errors gets to see it, and nobody tidies up after it."""


class FaultyDatabase:
    """Any database, with faults. Once it has killed its process, every call from there ends the same way."""

    def __init__(self, database: Database, *faults: Fault, closes: bool = True, hears: bool = True) -> None:
        """``closes``: closing this closes the database; else it stays open, for whoever comes after the crash.

        ``hears``: watchers are told of what others commit; without that no thread but the caller's makes calls.
        """
        self.database = database
        self.faults = faults
        self.closes = closes
        self.hears = hears
        self.calls = 0
        """How many there were, reading ones too."""
        self.is_dead = False
        self._lock = Lock()

    @property
    def dialect(self) -> str:
        return self.database.dialect

    @property
    def place(self) -> str:
        return self.database.place

    def learn(self, statements: Mapping[str, str]) -> None:
        self.database.learn(statements)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        return self.database.watch(watcher) if self.hears else _nothing

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation, unless it is this call's turn to fail."""
        fault = self._next_fault()
        if fault is None:
            return self.database.transact(make, reads=reads, single=single)
        if fault.kind in KILLS:
            self.is_dead = True
        if fault.kind in ("killed after", "unknown, committed"):
            self.database.transact(make, reads=reads, single=single)
        if self.is_dead:
            raise Killed(f"{fault.kind.removeprefix('killed ')} call {fault.call}")
        raise self._failure(fault.kind, reads)

    def close(self) -> None:
        if self.closes:
            self.database.close()

    def _next_fault(self) -> Fault | None:
        with self._lock:
            if self.is_dead:
                raise Killed("this process has ended before")
            self.calls += 1
            return next((fault for fault in self.faults if fault.hits(self.calls)), None)

    def _failure(self, kind: Kind, reads: bool) -> StorageError:
        """The error that a database tells of this. Who only reads has nothing to commit."""
        why = "this fault was asked for"
        if kind == "busy":
            return failures.busy(self.place, why).error
        if kind == "full":
            return failures.full(self.place, why).error
        if kind == "unavailable" or reads:
            return failures.unavailable(self.place, why).error
        return failures.unknown(self.place, why).error


def _nothing() -> None:
    """Ends the watching of somebody who hears nothing."""
