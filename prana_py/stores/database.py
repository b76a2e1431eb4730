"""Who performs store operations: what every database offers, and the errors that all of them speak of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from prana_py.errors import StorageError
from prana_py.identifiers import ExecutionId
from prana_py.stores.statements import MakeOperation

Value = TypeVar("Value")

Watcher = Callable[[ExecutionId | None], None]


class Conflict(StorageError):
    """A key is taken already."""

    code = "conflict"


class Fenced(StorageError):
    """The lease under which something was to be written does not hold any more."""

    code = "fenced"


class Database(Protocol):
    """Performs operations, each in one transaction, for whichever thread asks."""

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation. ``reads``: it writes nothing; ``single``: it is one batch."""

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call back, from any thread, when something may have been committed; what is returned ends that."""

    def close(self) -> None:
        """Give back what is open."""
