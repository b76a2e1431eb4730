"""SQLite: operations are performed on the calling thread, one at a time, through the standard library."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from prana_py.errors import InvariantError, UsageError
from prana_py.performing import clock
from prana_py.stores.failures import TRIES
from prana_py.stores.sql import SQLITE
from prana_py.stores.sqlite_failures import failure
from prana_py.stores.sqlite_session import Failed, SqliteSession, Told
from prana_py.stores.sqlite_watch import WATCH_INTERVAL, watch_version
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher, Watchers

Value = TypeVar("Value")

MEMORY: Final = ":memory:"

_STATEMENTS: Final = 512
"""How many compiled statements a connection keeps: more than there are on the page of SQL."""

_LOG_PAGES: Final = 4000
"""Pages after which the log is put where it belongs: four times as many as usual, for then most pages of it have been
written again meanwhile, and the disk is waited for more seldom. One segment of the log's index still holds them all."""

_HERE: Final = [object()]
"""Another one in every process that is forked, so that it need not be asked which process this is."""

_LAST_TRY: Final = "the last try neither returned nor raised"


class SqliteDatabase:
    """A database in a file, or a private one in memory: one connection to write, and for a file another one to read.

    Any number of threads and processes may use the file, each process with a database object of its own.
    """

    dialect = "sqlite"

    def __init__(
        self,
        path: str | os.PathLike[str] = MEMORY,
        *,
        synchronous: Literal["normal", "full"] = "normal",
        busy_timeout: float = 10.0,
        read_only: bool = False,
        sql: Mapping[str, str] = SQLITE,
        sleep: Callable[[float], None] = clock.sleep,
        watch_interval: float = WATCH_INTERVAL,
    ) -> None:
        """Open it. ``synchronous``: ``normal`` survives a killed process, ``full`` a lost power supply as well.

        ``busy_timeout``: how many seconds a transaction waits for those of others, all tries taken together.
        """
        if synchronous not in ("normal", "full"):
            raise UsageError(f"synchronous is 'normal' or 'full', not {synchronous!r}")
        self.path = os.fspath(path)
        self.place = f"the SQLite database {self.path!r}"
        self._sql = dict(sql)
        self._sleep = sleep
        self._synchronous = synchronous
        self._seconds_a_try = busy_timeout / len(TRIES)
        self._read_only = read_only
        self._process = os.getpid()
        self._here = _HERE[0]
        self._watch_interval = watch_interval
        self._watchers = Watchers(self._listen)
        self._writer = self._opened(reads=read_only)
        self._reader = self._writer if read_only or self.path == MEMORY else self._opened(reads=True)

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation in one transaction; with ``reads`` it waits for no writer, and sees one moment."""
        self.refuse_children()
        told: Told = []
        # Written out, and not by `_trying`, for this is what every node waits for.
        for delay in TRIES:
            try:
                value = self._once(make, reads, single, told)
            except sqlite3.Error as error:
                self._wait_or_raise(error, delay)
                told.clear()
            else:
                if told:
                    self._watchers.tell(told)
                return value
        raise InvariantError(_LAST_TRY)

    def transact_all(self, makes: Sequence[MakeOperation[Any]]) -> list[Any]:
        """Perform several operations in one transaction; the answer of one that fails, and is undone, is ``Failed``.

        What ends all of them at once is raised: then none has happened.
        """
        self.refuse_children()
        answers, told = self._trying(lambda: self._all_at_once(makes))
        self._watchers.tell(told)
        return [self._translated(answer) for answer in answers]

    def learn(self, statements: Mapping[str, str]) -> None:
        """Understand more named SQL."""
        self._sql.update(statements)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call back, from any thread, when something may have been committed; what is returned ends that.

        What is committed through this object and names an execution is told at once; all else, without a name,
        within a fifth of a second.
        """
        self.refuse_children()
        return self._watchers.add(watcher)

    def close(self) -> None:
        """Give back what is open. In a forked process there is nothing to give back."""
        if os.getpid() != self._process:
            return
        self._watchers.close()
        self._reader.close()
        self._writer.close()

    def refuse_children(self) -> None:
        """Refuse to be used in a process that was forked from the one that opened it."""
        if self._here is not _HERE[0]:
            raise UsageError(
                f"{self.place} was opened by process {self._process}, and this is {os.getpid()}: a connection does not "
                "survive a fork; open the database anew in the child"
            )

    def _once(self, make: MakeOperation[Value], reads: bool, single: bool, told: Told) -> Value:
        if not reads:
            if single:
                return self._writer.transact_single(make, "BEGIN IMMEDIATE", told)
            return self._writer.transact(make, "BEGIN IMMEDIATE", told)
        if not single:
            return self._reader.transact(make, "BEGIN", told)
        # What is read quickly is read where it was written, if nobody writes: that has it all at hand.
        found = self._writer.try_single(make, "BEGIN", told)
        return self._reader.transact_single(make, "BEGIN", told) if found is None else found[0]

    def _all_at_once(self, makes: Sequence[MakeOperation[Any]]) -> tuple[list[Any], Told]:
        told: list[Told] = [[] for _ in makes]
        return self._writer.transact_all(makes, told), list(chain.from_iterable(told))

    def _trying(self, do: Callable[[], Value]) -> Value:
        for delay in TRIES:
            try:
                return do()
            except sqlite3.Error as error:
                self._wait_or_raise(error, delay)
        raise InvariantError(_LAST_TRY)

    def _wait_or_raise(self, error: sqlite3.Error, delay: float | None) -> None:
        translated, again = failure(error, self.place)
        if delay is None or not again:
            raise translated from error
        self._sleep(delay)

    def _translated(self, answer: Any) -> Any:
        if type(answer) is not Failed or not isinstance(answer.error, sqlite3.Error):
            return answer
        error = failure(answer.error, self.place).error
        error.__cause__ = answer.error
        return Failed(error)

    def _opened(self, *, reads: bool) -> SqliteSession:
        connection = self._trying(lambda: self._connected(reads=reads))
        return SqliteSession(connection, self._sql, self.place)

    def _connected(self, *, reads: bool) -> sqlite3.Connection:
        is_private = self.path == MEMORY
        address = self.path if is_private or not self._read_only else f"{Path(self.path).absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(
            address,
            timeout=self._seconds_a_try,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
            uri=address is not self.path,
        )
        try:
            if reads:
                connection.execute("PRAGMA query_only = ON")
            elif not is_private:
                # The switch to WAL does not wait for others as everything else does, so opening is tried again, too.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _listen(self) -> Callable[[], None]:
        if self.path == MEMORY:
            return lambda: None
        return watch_version(self._connected(reads=True), self._watchers, self._watch_interval)


def _be_elsewhere() -> None:
    _HERE[0] = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_be_elsewhere)
