"""Runs nodes in this thread – or in a pool, where several may go on at once or a call may have to be given up."""

from __future__ import annotations

from collections.abc import Awaitable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar

from prana_py.driver.effects import Abandon, Answer, ChildDone, ChildStart, Done, Perform, Report
from prana_py.driver.family import start_child
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome
from prana_py.driver.program import Program
from prana_py.driver.requests import Cancel
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import RunKey
from prana_py.identifiers import Instant
from prana_py.nodes.call import call_node, was_interrupted
from prana_py.nodes.failures import failure
from prana_py.performing.loops import perform
from prana_py.runtimes.base import awaited, is_outcome
from prana_py.runtimes.session import Answered, Broken, Call, Mail, Session, child_done
from prana_py.runtimes.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")


class LocalRuntime(Verbs[Execution]):
    """Plain Python: call it, and get the execution back when it has ended or only waits."""

    def resume_with_token(self, token: str, data: Any = None) -> Execution:
        """Resolve the wait that a token is for, in an execution that this runtime keeps; of several, one wins."""
        address = self.key_ring.address_of(token)
        with self.turns.turn(address.execution_id):
            return self.run(self.resuming_at(address, data))

    def run(self, program: Program[Execution]) -> Execution:
        """Perform a program."""
        return self.do(program)

    def do(self, program: Program[Result]) -> Result:
        """Perform a program, whatever it returns."""
        return _Session(self).perform(program)


class _Session(Session):
    """The calls of one program: in this thread while that is enough, else in threads, with a mailbox for answers."""

    runtime: LocalRuntime

    def __init__(self, runtime: LocalRuntime) -> None:
        super().__init__(runtime)
        self.mailbox: SimpleQueue[Mail] = SimpleQueue()
        self.pool: ThreadPoolExecutor | None = None
        self.asyncio_runner: Any = None
        self.interrupt: BaseException | None = None

    def perform(self, program: Program[Result]) -> Result:
        """Perform a program to its end; Ctrl-C is raised when the execution is whole, and brings it along."""
        execution = self.finish(program)
        if self.interrupt is not None:
            self.interrupt.execution = execution  # type: ignore[attr-defined]  # so that nothing is lost with it
            raise self.interrupt
        return execution

    def finish(self, program: Program[Result]) -> Result:
        """Perform a program to its end, and leave nothing behind but calls that could not be stopped."""
        handlers = self.runtime.handlers()
        handlers[Invocation] = self._answer
        handlers[Perform] = self._perform
        handlers[Abandon] = self.abandon
        try:
            return perform(program, handlers)
        finally:
            self._close()

    def _close(self) -> None:
        self.drives(None)
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)
        if self.asyncio_runner is not None:
            self.asyncio_runner.close()

    # ── effects ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _perform(self, effect: Perform) -> Report:
        if self.runtime.flush is not None:
            self.runtime.flush(effect.execution_id, effect.invocations)
        for invocation in self.begin(effect):
            self.done.append(self._call_here(invocation))
        if self.waits_for(effect):
            self._wait(effect.until)
        return self.report()

    def _answer(self, invocation: Invocation) -> Answer:
        """One call, made here and now – unless it may have to be given up."""
        if self.known_as != invocation.execution_id:
            self.drives(invocation.execution_id)
        if invocation.timeout_ns is not None:
            return self._answer_in_time(invocation)
        runtime = self.runtime
        if runtime.flush is not None:
            runtime.flush(invocation.execution_id, (invocation,))
        node_type = runtime.plain_calls and invocation.cache_ns is None and runtime.known.get(invocation.node_type)
        given = call_node(node_type, invocation) if node_type else runtime.call(invocation)
        outcome = given if type(given) is Completed else self._finished(given)
        requests = () if self.mailbox.empty() else self.requests_so_far()
        return Answer(outcome, invocation.now, runtime.clock.now(), requests)

    def _answer_in_time(self, invocation: Invocation) -> Answer:
        """One call that may have to be given up. Requests that come in the meantime are met after it."""
        report = self._perform(Perform(invocation.execution_id, (invocation,)))
        requests = list(report.requests)
        while not report.done:
            if any(isinstance(request, Cancel) for request in report.requests):
                self.abandon(Abandon(invocation.execution_id, tuple(self.under_way)))
            self._wait(None)
            report = self.report()
            requests.extend(report.requests)
        done = report.done[0]
        assert isinstance(done, Done)  # nothing else is under way
        return Answer(done.outcome, done.started_at, done.at, tuple(requests))

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _call_here(self, invocation: Invocation) -> Done:
        now = self.runtime.clock.now
        started_at = now()
        outcome = self._finished(self.runtime.call(invocation))
        return Done((invocation.node_key, invocation.scope, invocation.run), outcome, started_at, now())

    def _finished(self, given: Outcome | Awaitable[Outcome]) -> Outcome:
        """The outcome of a call in this thread, awaited if it is to be."""
        outcome = given if is_outcome(given) else self._await_here(given)
        if was_interrupted(outcome):
            self._interrupted(KeyboardInterrupt())
        return outcome

    def _interrupted(self, interrupt: BaseException) -> None:
        """Ctrl-C: the execution ends as failed, whatever its nodes say about errors; a second one waits for nobody."""
        if self.interrupt is not None:
            self.ask_to_stop(self.under_way, 0)
        self.interrupt = interrupt
        error = NodeError(code="interrupted", message="the process was told to stop (Ctrl-C)", retryable=False)
        self.put(Cancel("interrupted", error))

    def _await_here(self, awaitable: Any) -> Outcome:
        """An async node in a plain runtime: it gets an event loop, which the session keeps."""
        import asyncio

        if self.asyncio_runner is None:
            self.asyncio_runner = asyncio.Runner()
        outcome = _ran(self.asyncio_runner.run, awaitable)
        if isinstance(outcome, Failed) and outcome.cancelled:
            # Nobody else cancels what runs here: on an event loop, Ctrl-C comes as a cancelled task.
            return failure(KeyboardInterrupt())
        return outcome

    def start_call(self, key: RunKey, call: Call, invocation: Invocation) -> None:
        if self.pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(self.runtime.max_concurrency, thread_name_prefix="prana")
        self.pool.submit(self._in_thread, key, call, invocation)

    def leave_behind(self, call: Call) -> None:
        """It keeps its thread for as long as it likes: the others get threads of a new pool."""
        if self.pool is not None:
            self.pool.shutdown(wait=False)
            self.pool = None

    def _in_thread(self, key: RunKey, call: Call, invocation: Invocation) -> None:
        clock = self.runtime.clock
        started_at = clock.now()
        try:
            given = self.runtime.call(invocation, call.flag)
            outcome = given if is_outcome(given) else _in_a_loop_of_its_own(given)
        except BaseException as error:  # noqa: BLE001  # somebody waits for the answer, whatever it is
            outcome = failure(error)
        self.put(Answered(call, Done(key, outcome, started_at, clock.now())))

    # ── children ──────────────────────────────────────────────────────────────────────────────────────────────────

    def start_child(self, start: ChildStart) -> None:
        """Run a child now: here, or beside this when several things may go on at once."""
        if self.runtime.max_concurrency == 1:
            self.put(self._child_done(start))
        else:
            Thread(target=self._child_in_thread, args=(start,), daemon=True, name="prana-child").start()

    def _child_in_thread(self, start: ChildStart) -> None:
        try:
            self.put(self._child_done(start))
        except BaseException as error:  # noqa: BLE001  # the parent waits: it gets whatever went wrong, and raises it
            self.put(Broken(error))

    def _child_done(self, start: ChildStart) -> ChildDone:
        session = _Session(self.runtime)
        child = session.finish(start_child(start, self.runtime.options))
        if session.interrupt is not None:
            self._interrupted(session.interrupt)
        return child_done(start, child)

    # ── mail ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def put(self, mail: Mail) -> None:
        self.mailbox.put(mail)

    def look(self) -> None:
        while not self.mailbox.empty():
            self.sort(self.mailbox.get())

    def _wait(self, until: Instant | None) -> None:
        while not (self.done or self.requests):
            mail = self._next(until)
            if mail is not None:
                self.sort(mail)
            self.give_up_late()
            if mail is None:
                return

    def _next(self, until: Instant | None) -> Mail | None:
        """The next mail, or ``None`` when it is time to look at the clock."""
        limit = self.next_limit(until)
        try:
            if limit is None:
                return self.mailbox.get()
            return self.mailbox.get(timeout=self.runtime.clock.seconds_until(limit))
        except Empty:
            return None
        except KeyboardInterrupt as interrupt:
            self._interrupted(interrupt)
            return None


def _in_a_loop_of_its_own(awaitable: Any) -> Outcome:
    import asyncio

    return _ran(asyncio.run, awaitable)


def _ran(run: Callable[[Any], Any], awaitable: Any) -> Outcome:
    """What comes of an awaitable on an event loop of ours, whatever the node does to the loop."""
    coroutine = awaited(awaitable)
    try:
        outcome: Outcome = run(coroutine)
    except BaseException as error:  # noqa: BLE001  # what a node's own code made of its event loop
        outcome = failure(error)
    finally:
        coroutine.close()
    return outcome
