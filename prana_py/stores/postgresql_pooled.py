"""What the plain and the async PostgreSQL database have in common: where it is, what it understands, how it tries."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.types.numeric import Int8BinaryDumper
from psycopg_pool import PoolClosed, PoolTimeout

from prana_py.errors import InvariantError, UsageError
from prana_py.stores import failures
from prana_py.stores.failures import TRIES
from prana_py.stores.postgresql_lines import watchful
from prana_py.stores.postgresql_listen import listen
from prana_py.stores.postgresql_talk import Steps, Talk, translated
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher, Watchers

Value = TypeVar("Value")

NOTIFY: Final = {"notify": "SELECT pg_notify('prana', ?)"}

_STATEMENTS: Final = 500
"""How many prepared statements a connection keeps: more than there are on the page of SQL."""


class Pooled:
    """A PostgreSQL database behind a pool of connections, for whichever driver."""

    dialect = "postgresql"

    def __init__(
        self, dsn: str, sql: Mapping[str, str], pipelined: Callable[[Any], Any], sleep: Callable[[float], Any]
    ) -> None:
        self.dsn = dsn
        self.place = _place(dsn)
        self._page: dict[str, str] = {}
        self._pipelined = pipelined
        self._sleep = sleep
        self._process = os.getpid()
        self._watchers = Watchers(lambda: listen(self.dsn, self._watchers))
        self.learn({**sql, **NOTIFY})

    def learn(self, statements: Mapping[str, str]) -> None:
        """Understand more named SQL."""
        self._page.update((name, translated(sql)) for name, sql in statements.items())

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call back, from any thread, when something may have been committed; what is returned ends that."""
        self.refuse_children()
        return self._watchers.add(watcher)

    def trying(self, pool: Any, make: MakeOperation[Value], *, reads: bool, single: bool) -> Steps[Value]:
        """Perform an operation, and do so again if it was refused for no fault of its own."""
        for delay in TRIES:
            connection = yield from self._connection(pool)
            talk = Talk(connection, self._page, self.place, self._pipelined)
            try:
                return (yield from talk.perform(make, reads=reads, single=single))
            except psycopg.Error as error:
                translated_error, again = talk.failure(error)
                if not again or delay is None:
                    raise translated_error from error
            finally:
                yield pool.putconn(connection)
            if talk.is_lost:
                # Where one connection was lost, the others that lie idle may be, too.
                yield pool.check()
            yield self._sleep(delay)
        raise InvariantError("the last try neither returned nor raised")

    def reaching(self, connect: Callable[..., Any]) -> Steps[None]:
        """Connect once, to learn at once what a pool would only say after its timeout."""
        for delay in TRIES:
            try:
                connection = yield connect(self.dsn, **watchful(self.dsn))
            except psycopg.Error as error:
                if delay is None or not _may_pass(error):
                    raise failures.unavailable(self.place, " ".join(str(error).split())).error from error
            else:
                yield connection.close()
                return
            yield self._sleep(delay)

    def refuse_children(self) -> None:
        """Refuse to be used in a process that was forked from the one that opened it."""
        if os.getpid() != self._process:
            raise UsageError(
                f"{self.place} was opened by process {self._process}, and this is {os.getpid()}: a connection does not "
                "survive a fork; open the database anew in the child"
            )

    def _connection(self, pool: Any) -> Steps[Any]:
        try:
            return (yield pool.getconn())
        except (PoolTimeout, PoolClosed) as error:
            raise failures.unavailable(self.place, error).error from error


def pool_options(dsn: str, is_async: bool) -> dict[str, Any]:
    """How every connection of a pool is set up."""
    cursor = psycopg.AsyncRawCursor if is_async else psycopg.RawCursor
    return {"autocommit": True, "prepare_threshold": 0, "cursor_factory": cursor, **watchful(dsn)}


def configure(connection: Any) -> None:
    """Set up a new connection."""
    connection.prepared_max = _STATEMENTS
    # Whatever its size, an integer is of one type, so that a statement is prepared once.
    connection.adapters.register_dumper(int, Int8BinaryDumper)


def _may_pass(error: psycopg.Error) -> bool:
    """Nobody listens yet, or the server is starting; a wrong password stays one."""
    return error.sqlstate is None or error.sqlstate in ("57P03", "53300")


def _place(dsn: str) -> str:
    try:
        known = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise UsageError(f"this is not the address of a PostgreSQL database: {error}") from None
    where = "".join(
        f"{before}{known[name]}" for before, name in (("", "user"), ("@", "host"), (":", "port"), ("/", "dbname"))
        if known.get(name)
    )  # fmt: skip
    return f"the PostgreSQL database {where or '(as the environment says)'!r}"
