"""A worker: it takes what is to be driven from an engine's store, in small batches, and drives each to rest."""

from __future__ import annotations

from datetime import timedelta
from logging import getLogger
from queue import Empty, SimpleQueue
from threading import Condition, Thread, get_ident
from types import TracebackType
from typing import Final

from prana_py.engine.engine import Engine
from prana_py.errors import StorageError, UsageError
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import ExecutionId, Instant
from prana_py.runtimes.threads import Threads
from prana_py.stores import leases, schedules
from prana_py.stores.records import Claimed
from prana_py.stores.statements import Operation

_log = getLogger("prana_py.worker")

GRACE: Final = timedelta(seconds=10)
"""How long a node that is under way when its worker is stopped may go on."""

PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (0.1, 0.2, 0.5, 1, 2, 5))
"""How long to let the store, or an execution that it refuses, alone: after the first failure, the second, …"""

MOST_TROUBLED: Final = 10_000
"""Executions that the store refused of which it is remembered how often."""

SUSPICIOUS: Final = 2
"""Crashes in a row at one place, after which an execution may well be the reason for them."""

NOBODY: Final = 0
"""No thread has this identity."""


class Worker:
    """Drives executions with an engine's nodes: what was submitted, timers, letters, and what dead owners have left.

    ``run`` until ``stop``, or ``run_until_idle``; in a ``with`` statement it runs in a thread of its own.
    """

    def __init__(self, engine: Engine, *, concurrency: int = 8) -> None:
        """``concurrency``: how many executions are driven at a time, each by a thread."""
        if concurrency < 1:
            raise UsageError(f"concurrency is {concurrency}; a worker drives at least 1 execution at a time")
        self.engine = engine
        self.concurrency = concurrency
        self._threads = Threads(concurrency, name="prana-worker")
        self._awake: SimpleQueue[None] = SimpleQueue()
        """There may be something to do. Signal handlers may say so too, whatever they have interrupted."""
        self._changed = Condition()
        """Guards what follows, and tells of changes to it."""
        self._driving: dict[ExecutionId, int] = {}
        """What was claimed, with the thread that drives it."""
        self._run_by: int | None = None
        """The thread that runs this worker."""
        self._stopping: timedelta | None = None
        """The grace, once it is to stop."""
        self._suspect: ExecutionId | None = None
        """The one that is driven here of those who may bring their drivers down. They must not do it to each other."""
        self._beats = -1
        self._failures = 0
        self._troubled: dict[ExecutionId, int] = {}
        self._thread: Thread | None = None

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self) -> None:
        """Drive whatever comes due, until ``stop`` is called: from a signal handler, or another thread."""
        self._begin()
        self._go(until_idle=False)

    def run_until_idle(self) -> None:
        """Drive whatever is due, and what follows from it, until nothing is due just now."""
        self._begin()
        self._go(until_idle=True)

    def stop(self, grace: timedelta = GRACE) -> None:
        """Claim no more, let what is driven come to its next commit, and leave the rest to others after the grace.

        Whoever calls it from a thread that is none of the worker's waits until it has stopped. A worker that does not
        run yet stops as soon as it does.
        """
        with self._changed:
            self._stopping = grace
            self.engine.keeper.draining.update(self._threads_at_work())
            self._wake()
            if self._run_by not in (None, get_ident()) and get_ident() not in self._threads_at_work():
                self._changed.wait_for(lambda: self._run_by is None)

    def __enter__(self) -> Worker:
        self._begin()
        self._thread = Thread(target=self._go, daemon=True, name="prana-worker-claims")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._run_by is not None:
            self.stop()
        if self._thread is not None:
            self._thread.join()

    def _begin(self) -> None:
        with self._changed:
            if self._run_by is not None:
                raise UsageError("this worker runs already; make another one to have more executions driven at a time")
            self._run_by = NOBODY

    def _go(self, until_idle: bool = False) -> None:
        self._run_by = get_ident()
        self._beats = -1
        self.engine.keeper.workers += 1
        unlisten = self.engine.news.listen(self._wake)
        try:
            while self._stopping is None and not self._turn(until_idle):
                pass
        finally:
            unlisten()
            self._end()

    def _end(self) -> None:
        try:
            self._drain(GRACE if self._stopping is None else self._stopping)
        finally:
            self.engine.keeper.workers -= 1
            with self._changed:
                self._run_by = self._stopping = None
                self._changed.notify_all()

    def _wake(self) -> None:
        self._awake.put(None)

    # ── claiming ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _turn(self, until_idle: bool) -> bool:
        """Claim what is due, as much as can be driven at once, and sleep if that is nothing. True: that is all."""
        was_idle = not self._driving
        try:
            claims = self._claim()
            for claimed in claims:
                self._hand_over(claimed)
            if claims:
                return False
            seconds = self._seconds_to_sleep()
            self._failures = 0
        except StorageError as error:
            if until_idle:
                raise
            seconds = _pause(self._failures).total_seconds()
            self._failures += 1
            _log.warning("nothing can be claimed just now; the worker tries again in %s s: %s", seconds, error)
        if until_idle and was_idle:
            return True
        self._sleep(seconds)
        return False

    def _claim(self) -> list[Claimed]:
        free = self.concurrency - len(self._driving)
        if free <= 0:
            return []
        engine = self.engine
        engine.heartbeat.ensure()
        beats = engine.heartbeat.beats
        looks = beats != self._beats  # what dead owners have left is looked for at every beat: several times a lease
        if looks:
            engine.bury_the_dead()
        elif not self._is_due():
            return []
        now = engine.runtime.clock.now()
        claims = engine.local.do(engine.operations.claim_due(now, free, self._crashes_below()))
        if looks and len(claims) < free:
            self._beats = beats
        return claims

    def _is_due(self) -> bool:
        due = self._next_due()
        return due is not None and due <= self.engine.runtime.clock.now()

    def _next_due(self) -> Instant | None:
        below = self._crashes_below()
        return self.engine.plain.transact(lambda: _next_due(below), reads=True)

    def _crashes_below(self) -> int:
        """Which executions may be claimed: not those that have brought down drivers, while there is one of them."""
        return leases.ANY_CRASHES if self._suspect is None else SUSPICIOUS

    def _seconds_to_sleep(self) -> float | None:
        """Until the next timer; news of anything else, the heart, and the end of a drive wake it as well."""
        if len(self._driving) >= self.concurrency:
            return None
        due = self._next_due()
        return None if due is None else self.engine.runtime.clock.seconds_until(due)

    def _sleep(self, seconds: float | None) -> None:
        try:
            self._awake.get(timeout=seconds)
        except Empty:
            return
        while not self._awake.empty():
            self._awake.get()

    # ── driving ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _hand_over(self, claimed: Claimed) -> None:
        if claimed.crashes >= SUSPICIOUS:
            if self._suspect is not None:
                self.engine.local.do(self.engine.operations.give_back(claimed.id))
                return
            self._suspect = claimed.id
        with self._changed:
            self._driving[claimed.id] = NOBODY
        self._threads.run(lambda: self._drive(claimed))

    def _drive(self, claimed: Claimed) -> None:
        """One execution, in a thread of this worker: it is driven to rest, and nothing that happens gets out."""
        me = get_ident()
        with self._changed:
            if self._stopping is not None or self._driving.get(claimed.id) != NOBODY:
                return  # it is given back by whoever stops this worker
            self._driving[claimed.id] = me
        try:
            self._drive_claimed(claimed)
        finally:
            with self._changed:
                self.engine.keeper.draining.discard(me)
                if self._driving.get(claimed.id) == me:
                    del self._driving[claimed.id]
                if self._suspect == claimed.id:
                    self._suspect = None
                self._changed.notify_all()
            self._wake()

    def _drive_claimed(self, claimed: Claimed) -> None:
        engine = self.engine
        pause = _pause(self._troubled.get(claimed.id, 0))
        try:
            engine.local.do(engine.operations.drive_claimed(claimed, nanoseconds(pause)))
            self._troubled.pop(claimed.id, None)
        except StorageError as error:
            self._refused(claimed.id, error)
        except BaseException:  # noqa: BLE001  # a bug, or a node that ends its thread: the others are not to suffer
            _log.exception("execution %s could not be driven", claimed.id)
            engine.local.do(engine.operations.give_back_all_of(get_ident()))

    def _refused(self, execution_id: ExecutionId, error: StorageError) -> None:
        if error.code == "lease_lost":
            _log.info("%s", error)
            return
        if len(self._troubled) >= MOST_TROUBLED:
            self._troubled.clear()
        self._troubled[execution_id] = self._troubled.get(execution_id, 0) + 1
        _log.warning("execution %s goes on later, because of the store: %s", execution_id, error)

    # ── stopping ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _drain(self, grace: timedelta) -> None:
        """What has not begun is given back at once; what is driven stops at its next commit, or is left to others."""
        with self._changed:
            waiting = [execution_id for execution_id, thread in self._driving.items() if thread == NOBODY]
            for execution_id in waiting:
                del self._driving[execution_id]
            self._suspect = None
            self.engine.keeper.draining.update(self._threads_at_work())
        do, operations = self.engine.local.do, self.engine.operations
        for execution_id in waiting:
            do(operations.give_back(execution_id))
        with self._changed:
            self._changed.wait_for(lambda: not self._driving, grace.total_seconds())
            left = dict(self._driving)
            self._driving.clear()
        for execution_id, thread in left.items():
            _log.warning("execution %s is left to others: its node did not end within %s", execution_id, grace)
            do(operations.give_back_all_of(thread))
            self._threads.replace_one()

    def _threads_at_work(self) -> set[int]:
        return set(self._driving.values()) - {NOBODY}


def _pause(failures: int) -> timedelta:
    return PAUSES[min(failures, len(PAUSES) - 1)]


def _next_due(crashes_below: int) -> Operation[Instant | None]:
    """When the next execution has to be driven, or the next one is started by a schedule."""
    drive = yield from leases.next_due(crashes_below)
    firing = yield from schedules.next_due()
    return min((instant for instant in (drive, firing) if instant is not None), default=None)
