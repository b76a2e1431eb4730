"""Who performs store operations: what every database offers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, TypeVar

from prana_py.stores.failures import Conflict, Fenced
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher

__all__ = ["AsyncDatabase", "Conflict", "Database", "Described", "Fenced", "Watcher"]

Value = TypeVar("Value")


class Described(Protocol):
    """What a database is, whoever asks it."""

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""

    @property
    def place(self) -> str:
        """The database as error messages name it: without passwords."""

    def learn(self, statements: Mapping[str, str]) -> None:
        """Understand more named SQL."""

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call back, from any thread, when something may have been committed; what is returned ends that."""


class Database(Described, Protocol):
    """Performs operations, each in one transaction, for whichever thread asks."""

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation.

        ``reads``: it writes nothing, and waits for nobody who does. ``single``: it asks for one batch, and nothing
        that it does with the answers can fail, so that the commit may travel with the batch.
        """

    def close(self) -> None:
        """Give back what is open."""


class AsyncDatabase(Described, Protocol):
    """The same for whichever task of whichever event loop asks.

    An operation that was handed over is performed whole, also if nobody awaits its answer any more.
    """

    def transact(
        self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False
    ) -> Coroutine[Any, Any, Value]:
        """Perform an operation."""

    async def close(self) -> None:
        """Wait for what is under way, and give back what is open."""
