"""Performs operations of the store statement by statement, in every order in which a server can meet them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final, TypeAlias

import psycopg

from prana_py.stores.postgresql_pooled import NOTIFY
from prana_py.stores.postgresql_talk import translated
from prana_py.stores.sql import POSTGRESQL
from prana_py.stores.statements import Batch, MakeOperation, Many, Result, Statement

PAGE: Final[Mapping[str, str]] = {**POSTGRESQL, **NOTIFY}

COMMIT: Final = Statement("commit")
"""Asked for by an operation of a test that stands for two, one transaction after the other."""

MOST_ORDERS: Final = 5000
"""Whoever has more of them should ask for less."""

Answers: TypeAlias = list[Any]
"""What each of the operations gave."""


class Session:
    """One operation in one transaction on one connection, in a thread of its own, a statement at a time."""

    def __init__(self, url: str, page: Mapping[str, str]) -> None:
        self.connection: psycopg.Connection[Any] = psycopg.connect(url, cursor_factory=psycopg.RawCursor)
        self.process = self.connection.info.backend_pid
        self.page = {name: translated(text) for name, text in page.items()}
        self.thread = ThreadPoolExecutor(1)
        self.step: Future[None] | None = None
        """The statement that is under way."""

    def begin(self, make: MakeOperation[Any]) -> None:
        self._make = make
        self._restart()

    def _restart(self) -> None:
        self.connection.rollback()
        self._operation = self._make()
        self._todo: list[Statement | Many] = []
        self._replies: list[Any] = []
        self._ask: Any = None
        self.answer: Any = None
        self._has_ended = False
        self.is_over = False

    def move(self) -> None:
        """Take one more step: a statement, or the commit."""
        self.step = self.thread.submit(self._move)

    def _move(self) -> None:
        try:
            if not self._todo and not self._has_ended:
                self._next()
            if self._has_ended:
                self.connection.commit()
                self.is_over = True
                return
            self._replies.append(self._perform(self._todo.pop(0)))
            # What it does with the answer is no step of its own, so that the last step is the commit.
            if not self._todo:
                self._next()
        except (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure):
            self._restart()
        except (psycopg.errors.NotNullViolation, psycopg.errors.UniqueViolation) as error:
            self.connection.rollback()
            self.answer, self.is_over = error, True

    def _next(self) -> None:
        """Tell the operation what it has asked for, and hear what it asks for next."""
        reply = self._replies if type(self._ask) is Batch else self._replies[0] if self._replies else None
        self._replies = []
        try:
            self._ask = self._operation.send(reply)
        except StopIteration as stop:
            self.answer, self._has_ended = stop.value, True
            return
        self._todo = list(self._ask.statements) if type(self._ask) is Batch else [self._ask]

    def _perform(self, ask: Statement | Many) -> Any:
        if ask is COMMIT:
            return self.connection.commit()
        if type(ask) is Many:
            return sum(self._perform(Statement(ask.name, one)).touched for one in ask.parameters)
        cursor = self.connection.execute(self.page[ask.name], ask.parameters)
        return Result(cursor.fetchall() if cursor.description else [], max(cursor.rowcount, 0))

    def close(self) -> None:
        self.thread.shutdown()
        self.connection.close()


class Interleaving:
    """Sessions on one database, and somebody who says whose turn it is."""

    def __init__(self, url: str, count: int, page: Mapping[str, str] = PAGE) -> None:
        with ExitStack() as stack:
            self.observer: psycopg.Connection[Any] = stack.enter_context(psycopg.connect(url, autocommit=True))
            self.sessions = [Session(url, page) for _ in range(count)]
            for session in self.sessions:
                stack.callback(session.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Interleaving:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def orders(self, prepare: Callable[[], None], *makes: MakeOperation[Any]) -> Iterator[Answers]:
        """Have the operations performed at the same time, in one order after the other; after each, what they gave."""
        choices: list[int] = []
        for _ in range(MOST_ORDERS):
            prepare()
            options = self._perform(makes, choices)
            yield [session.answer for session in self.sessions]
            while options and choices[-1] == options[-1] - 1:
                choices.pop()
                options.pop()
            if not options:
                return
            choices[-1] += 1
        raise AssertionError("there are too many orders")

    def _perform(self, makes: Sequence[MakeOperation[Any]], choices: list[int]) -> list[int]:
        """One order. ``choices``: whose turn it is, wherever several could move; gives how many could each time."""
        for session, make in zip(self.sessions, makes, strict=True):
            session.begin(make)
        options: list[int] = []
        while movable := self._movable():
            if len(movable) > 1:
                options.append(len(movable))
                if len(options) > len(choices):
                    choices.append(0)
                movable = movable[choices[len(options) - 1] :]
            movable[0].move()
        return options

    def _movable(self) -> list[Session]:
        """Those whose last step is done, and who have more; waits as long as that may still change."""
        while True:
            busy = [session for session in self.sessions if session.step is not None and not session.step.done()]
            waiting = [session for session in busy if self._waits(session)]
            done = [session for session in self.sessions if session not in busy]
            for session in done:
                if session.step is not None:
                    session.step.result()
            if len(waiting) == len(busy) and (len(busy) < len(self.sessions)):
                movable = [session for session in done if not session.is_over]
                if movable or not busy:
                    return movable

    def _waits(self, session: Session) -> bool:
        """Somebody else holds what it needs."""
        query = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
        return self.observer.execute(query, (session.process,)).fetchone() is not None
