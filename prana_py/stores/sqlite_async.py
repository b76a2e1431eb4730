"""SQLite for event loops: one thread writes for all who wait, in one transaction; another one reads."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Final, NamedTuple, TypeVar

from prana_py.errors import StorageError
from prana_py.stores import failures
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.sqlite_session import Failed
from prana_py.stores.statements import MakeOperation
from prana_py.stores.watchers import Watcher

Value = TypeVar("Value")

MOST_AT_ONCE: Final = 500
"""Operations in one transaction at most, so that the first of them does not wait for ever longer."""

_MAY_BE_ONE_S_FAULT: Final = {"store_full", "store_failed"}


class Job(NamedTuple):
    """An operation that was handed over, and who awaits its answer."""

    make: MakeOperation[Any]
    single: bool
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class AsyncSqliteDatabase:
    """A ``SqliteDatabase`` for tasks of any event loop. Whoever waits at the same time shares one commit."""

    dialect = "sqlite"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Takes what ``SqliteDatabase`` takes."""
        self.plain: Final = SqliteDatabase(*arguments, **options)
        """The same database, for threads; the two may be used side by side."""
        self.place = self.plain.place
        self._writer = _Turns(self._write, "prana-write")
        self._reader = _Turns(self._read, "prana-read")

    async def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        """Perform an operation in one transaction; it is performed whole, also if nobody awaits it any more."""
        self.plain.refuse_children()
        loop = asyncio.get_running_loop()
        job = Job(make, single, loop, loop.create_future())
        if not (self._reader if reads else self._writer).take(job):
            raise failures.unavailable(self.place, "it was closed").error
        value: Value = await job.future
        return value

    def learn(self, statements: Mapping[str, str]) -> None:
        """Understand more named SQL."""
        self.plain.learn(statements)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call back, from any thread, when something may have been committed; what is returned ends that."""
        return self.plain.watch(watcher)

    async def close(self) -> None:
        """Wait for what was handed over, and give back what is open."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._writer.end()
        self._reader.end()
        self.plain.close()

    def _write(self, jobs: list[Job]) -> list[Any]:
        if len(jobs) == 1:
            return self._each(jobs)
        try:
            return self.plain.transact_all([job.make for job in jobs])
        except StorageError as error:
            # What ends a transaction for want of room may have been one of them; the others may well find some.
            return self._each(jobs) if error.code in _MAY_BE_ONE_S_FAULT else [Failed(error)] * len(jobs)

    def _each(self, jobs: list[Job]) -> list[Any]:
        return [self._answer(job, reads=False) for job in jobs]

    def _read(self, jobs: list[Job]) -> list[Any]:
        return [self._answer(job, reads=True) for job in jobs]

    def _answer(self, job: Job, *, reads: bool) -> Any:
        try:
            return self.plain.transact(job.make, reads=reads, single=job.single)
        except Exception as error:
            return Failed(error)


class _Turns:
    """A thread that performs all jobs that wait, and answers them; then those that have come since."""

    def __init__(self, perform: Callable[[list[Job]], list[Any]], name: str) -> None:
        self._perform = perform
        self._name = name
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = Lock()
        self._thread: Thread | None = None
        self._has_ended = False

    def take(self, job: Job) -> bool:
        """Whether the job will be performed; not after the end."""
        with self._lock:
            if self._has_ended:
                return False
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            self._queue.put(job)
            return True

    def end(self) -> None:
        """Perform what was taken, and no more."""
        with self._lock:
            self._has_ended = True
            self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (jobs := self._waiting())[-1] is not None:
            self._perform_and_answer(jobs)
        self._perform_and_answer(jobs[:-1])

    def _waiting(self) -> list[Any]:
        jobs = [self._queue.get()]
        with suppress(Empty):
            while len(jobs) < MOST_AT_ONCE and jobs[-1] is not None:
                jobs.append(self._queue.get_nowait())
        return jobs

    def _perform_and_answer(self, jobs: list[Job]) -> None:
        answers: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = defaultdict(list)
        try:
            given = self._perform(jobs)
        except Exception as error:
            given = [Failed(error)] * len(jobs)
        for job, answer in zip(jobs, given, strict=True):
            answers[job.loop].append((job.future, answer))
        for loop, pairs in answers.items():
            # A loop that was closed in the meantime has nobody any more who awaits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(_deliver, pairs)


def _deliver(pairs: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, answer in pairs:
        if future.done():
            continue
        if type(answer) is Failed:
            future.set_exception(answer.error)
        else:
            future.set_result(answer)
