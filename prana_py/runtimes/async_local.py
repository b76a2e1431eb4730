"""Runs nodes on this event loop: async ones in its tasks, plain functions that may block in threads."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Coroutine
from contextvars import copy_context
from typing import Any, TypeVar

from prana_py.driver.effects import Abandon, Answer, ChildStart, Done, Perform, Report
from prana_py.driver.family import start_child
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome
from prana_py.driver.program import Program
from prana_py.execution.execution import Execution
from prana_py.execution.rows import RunKey
from prana_py.identifiers import ExecutionId, Instant
from prana_py.nodes.failures import failure
from prana_py.performing.loops import perform_async
from prana_py.runtimes.base import is_outcome
from prana_py.runtimes.session import Answered, Broken, Call, Mail, Session, child_done
from prana_py.runtimes.threads import Threads
from prana_py.runtimes.verbs import Verbs

Result = TypeVar("Result")

MOST_THREADS = 32


class AsyncLocalRuntime(Verbs[Coroutine[Any, Any, Execution]]):
    """The same verbs as ``LocalRuntime``, to be awaited. Any number of executions may go on at once on one event loop.

    An async node is awaited in the task that drives, or, when others may run beside it or it has a timeout, in one of
    its own. A plain function is called in a thread, unless its node type says ``blocks=False``.
    """

    def __init__(self, nodes: Any = (), *, max_threads: int = MOST_THREADS, **options: Any) -> None:
        super().__init__(nodes, **options)
        self.threads = Threads(max_threads)
        self.turns_of_tasks: dict[ExecutionId, asyncio.Lock] = {}

    async def run(self, program: Program[Execution]) -> Execution:
        """Perform a program. Cancelling the task that awaits this is like the end of a process: the journal is left."""
        return await self.do(program)

    async def do(self, program: Program[Result]) -> Result:
        """Perform a program, whatever it returns."""
        return await _Session(self).perform(program)

    async def resume_with_token(self, token: str, data: Any = None) -> Execution:
        """Resolve the wait that a token is for, in an execution that this runtime keeps; of several, one wins."""
        address = self.key_ring.address_of(token)
        lock = self.turns_of_tasks.setdefault(address.execution_id, asyncio.Lock())
        async with lock:
            return await self.run(self.resuming_at(address, data))


class _Session(Session):
    """The calls of one program: in its own task while that is enough, else in tasks and threads beside it."""

    runtime: AsyncLocalRuntime

    def __init__(self, runtime: AsyncLocalRuntime) -> None:
        super().__init__(runtime)
        self.loop = asyncio.get_running_loop()
        self.mail: deque[Mail] = deque()
        self.waker: asyncio.Future[None] | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def perform(self, program: Program[Result]) -> Result:
        """Perform a program to its end, and leave nothing behind but calls that could not be stopped."""
        handlers = self.runtime.handlers()
        handlers[Invocation] = self._answer
        handlers[Perform] = self._perform
        handlers[Abandon] = self.abandon
        try:
            return await perform_async(program, handlers)
        except asyncio.CancelledError:
            for task in self.tasks:
                task.cancel()
            raise
        finally:
            self.drives(None)

    # ── effects ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _perform(self, effect: Perform) -> Report:
        if self.runtime.flush is not None and (flushing := self.runtime.flush(effect.execution_id, effect.invocations)):
            await flushing
        for invocation in self.begin(effect):
            self.done.append(await self._done(invocation))
        if self.waits_for(effect):
            await self._wait(effect.until)
        return self.report()

    def _answer(self, invocation: Invocation) -> Answer | Awaitable[Answer]:
        if self.known_as != invocation.execution_id:
            self.drives(invocation.execution_id)
        if self.runtime.flush is not None and (flushing := self.runtime.flush(invocation.execution_id, (invocation,))):
            return self._answer_after(flushing, invocation)
        return self._answer_now(invocation)

    async def _answer_after(self, flushing: Awaitable[None], invocation: Invocation) -> Answer:
        await flushing
        answer = self._answer_now(invocation)
        return answer if isinstance(answer, Answer) else await answer

    def _answer_now(self, invocation: Invocation) -> Answer | Awaitable[Answer]:
        if not self._belongs_in_a_thread(invocation):
            given = self.runtime.call(invocation)
            if type(given) is Completed:
                requests = self.requests_so_far() if self.mail else ()
                return Answer(given, invocation.now, self.runtime.clock.now(), requests)
            return self._awaited_answer(invocation, given)
        return self._awaited_answer(invocation, self._in_thread(None, invocation))

    async def _awaited_answer(self, invocation: Invocation, given: Any) -> Answer:
        outcome = given if is_outcome(given) else await given
        if type(outcome) is not Completed:
            _stop_when_cancelled(outcome)
        requests = self.requests_so_far() if self.mail else ()
        return Answer(outcome, invocation.now, self.runtime.clock.now(), requests)

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _done(self, invocation: Invocation) -> Done:
        """One call, made by the task that drives."""
        key, now = (invocation.node_key, invocation.scope, invocation.run), self.runtime.clock.now
        started_at = now()
        outcome = await self._outcome_of(None, invocation)
        _stop_when_cancelled(outcome)
        return Done(key, outcome, started_at, now())

    async def _outcome_of(self, call: Call | None, invocation: Invocation) -> Outcome:
        if self._belongs_in_a_thread(invocation):
            return await self._in_thread(call, invocation)
        given: Any = self.runtime.call(invocation, None if call is None else call.flag)
        return given if is_outcome(given) else await given

    def _belongs_in_a_thread(self, invocation: Invocation) -> bool:
        """A plain function may block. An async node's ``resume`` and ``prepare`` may be plain, too."""
        spec = self.runtime.catalog.spec(invocation.node_type)
        return spec is not None and spec.blocks and not (spec.is_async and invocation.call == "execute")

    async def _in_thread(self, call: Call | None, invocation: Invocation) -> Outcome:
        """Call a plain function where it may block; what it gives to await is awaited here."""
        context, future = copy_context(), self.loop.create_future()
        flag = None if call is None else call.flag

        def work() -> None:
            try:
                given = context.run(self.runtime.call, invocation, flag)
            except BaseException as error:  # noqa: BLE001  # somebody waits for the answer, whatever it is
                given = failure(error)
            if not self.loop.is_closed():
                self.loop.call_soon_threadsafe(_tell, future, given)

        self.runtime.threads.run(work)
        given: Any = await future
        return given if is_outcome(given) else await given

    def start_call(self, key: RunKey, call: Call, invocation: Invocation) -> None:
        task = self.loop.create_task(self._in_task(key, call, invocation))
        call.stop = task.cancel
        self._hold(task)

    async def _in_task(self, key: RunKey, call: Call, invocation: Invocation) -> None:
        try:
            outcome = await self._outcome_of(call, invocation)
        except asyncio.CancelledError as error:
            outcome = failure(error, cancelled=True)
        self._receive(Answered(call, Done(key, outcome, call.started_at, self.runtime.clock.now())))

    def leave_behind(self, call: Call) -> None:
        """An async node is cancelled: after its grace where it was told to stop, else when it has had time to."""
        if call.stop is not None:
            self.loop.call_later(0.0 if call.why == "cancelled" else self.runtime.grace, call.stop)
        self.runtime.threads.replace_one()

    # ── children ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start_child(self, start: ChildStart) -> None:
        self._hold(self.loop.create_task(self._child(start)))

    async def _child(self, start: ChildStart) -> None:
        program = start_child(start, self.runtime.options)
        try:
            self._receive(child_done(start, await _Session(self.runtime).perform(program)))
        except Exception as error:  # noqa: BLE001  # the parent waits: it gets whatever went wrong, and raises it
            self._receive(Broken(error))

    def _hold(self, task: asyncio.Task[None]) -> None:
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # ── mail ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, mail: Mail) -> None:
        self.loop.call_soon_threadsafe(self._receive, mail)

    def _receive(self, mail: Mail) -> None:
        self.mail.append(mail)
        self._wake()

    def _wake(self) -> None:
        if self.waker is not None and not self.waker.done():
            self.waker.set_result(None)

    def look(self) -> None:
        while self.mail:
            self.sort(self.mail.popleft())

    async def _wait(self, until: Instant | None) -> None:
        while not (self.done or self.requests):
            limit = self.next_limit(until)
            timer = None
            if limit is not None:
                timer = self.loop.call_later(self.runtime.clock.seconds_until(limit), self._wake)
            self.waker = self.loop.create_future()
            try:
                await self.waker
            finally:
                self.waker = None
                if timer is not None:
                    timer.cancel()
            came = bool(self.mail)
            self.look()
            self.give_up_late()
            if not came:
                return


def _stop_when_cancelled(outcome: Outcome) -> None:
    """A node's outcome hides that the task that drives was cancelled itself: then the drive is over."""
    if isinstance(outcome, Failed) and outcome.cancelled:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise asyncio.CancelledError


def _tell(future: asyncio.Future[Any], given: Any) -> None:
    if not future.done():
        future.set_result(given)
    elif not is_outcome(given):
        given.close()
