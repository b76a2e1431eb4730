"""Runs nodes in this thread – or in a pool, where several may go on at once or a call may have to be given up."""

from __future__ import annotations

from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from prana_py.driver.debugging import Entry
from prana_py.driver.effects import Abandon, Answer, ChildDone, ChildStart, Done, Perform, Report
from prana_py.driver.family import ChildFailed, start_child
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Completed, Failed, Outcome
from prana_py.driver.program import Program
from prana_py.driver.requests import Cancel, Request, Resume, Signal
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import RunKey
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WaitId
from prana_py.model.workflow import Workflow
from prana_py.nodes.call import was_interrupted
from prana_py.nodes.failures import failure
from prana_py.performing.loops import perform
from prana_py.runtimes.base import Runtime, awaited, given_up, is_outcome, only_wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import ThreadPoolExecutor

Result = TypeVar("Result")


class LocalRuntime(Runtime):
    """Plain Python: call it, and get the execution back when it has ended or only waits."""

    def execute(self, workflow: Workflow | ExecutionGraph, value: Any = None, **start: Any) -> Execution:
        """Start an execution and drive it to rest. A node's failure is in the execution; it is not raised."""
        return self.run(self.starting(workflow, value, StartOptions(**start)))

    def resume(self, execution: Execution, data: Any = None, *, wait_id: WaitId | None = None) -> Execution:
        """Resolve an open wait (the only one, unless one is named) and drive on."""
        return self.run(self.going_on(execution, (Resume(wait_id or only_wait(execution), data),)))

    def signal(self, execution: Execution, name: str, data: Any = None, *, buffer: bool = True) -> Execution:
        """Send a named signal, and drive on."""
        return self.run(self.going_on(execution, (Signal(name, data, buffer),)))

    def cancel(self, execution: Execution, reason: str = "cancelled") -> Execution:
        """End an execution: what is under way is asked to stop, and completed nodes are compensated."""
        return self.run(self.going_on(execution, (Cancel(reason),)))

    def ask(self, execution: Execution, *requests: Request) -> Execution:
        """Meet any requests, in order, and drive on."""
        return self.run(self.going_on(execution, requests))

    def wake(self, execution: Execution) -> Execution:
        """Fire what has come due, and drive on: after a load, or when a timer's instant has come."""
        return self.run(self.going_on(execution))

    def run_node(self, execution: Execution, node: NodeKey, **entry: Any) -> Execution:
        """Run one node by hand, with ``value`` if that is given; what follows may start, but does not."""
        return self.run(self.running_node(execution, Entry(node=node, **entry)))

    def run_from(self, execution: Execution, node: NodeKey, **entry: Any) -> Execution:
        """Run a node by hand and all that follows; ``outputs`` stand for what nodes before it would have given."""
        return self.run(self.running_from(execution, Entry(node=node, **entry)))

    def retry(self, execution: Execution) -> Execution:
        """A new execution that shares the past of one that failed or was cancelled, and goes on from there."""
        return self.run(self.retrying(execution))

    def kept(self, execution_id: ExecutionId) -> Execution | None:
        """The newest value of an execution that this runtime remembers: children, and parents of such."""
        return self._kept.get(execution_id)

    def resume_with_token(self, token: str, data: Any = None) -> Execution:
        """Resolve the wait that a token is for, in an execution that this runtime keeps; of several, one wins."""
        address = self.key_ring.address_of(token)
        with self.turns.turn(address.execution_id):
            return self.run(self.resuming_at(address, data))

    def run(self, program: Program[Execution]) -> Execution:
        """Perform a program."""
        return _Session(self).perform(program)


class _Session:
    """The calls of one program: in this thread while that is enough, else in threads, with a mailbox for answers."""

    def __init__(self, runtime: LocalRuntime) -> None:
        self.runtime = runtime
        self.mailbox: SimpleQueue[Mail] = SimpleQueue()
        self.pool: ThreadPoolExecutor | None = None
        self.under_way: dict[RunKey, _Call] = {}
        self.asyncio_runner: Any = None
        self.interrupt: BaseException | None = None
        self.known_as: set[ExecutionId] = set()

    def perform(self, program: Program[Execution]) -> Execution:
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
        handlers[Abandon] = self._abandon
        try:
            return perform(program, handlers)
        finally:
            self._close()

    def _close(self) -> None:
        for execution_id in self.known_as:
            self.runtime.mailboxes.pop(execution_id, None)
        if self.pool is not None:
            self.pool.shutdown(wait=False, cancel_futures=True)
        if self.asyncio_runner is not None:
            self.asyncio_runner.close()

    # ── effects ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _perform(self, effect: Perform) -> Report:
        if effect.execution_id not in self.known_as:
            self.known_as.add(effect.execution_id)
            self.runtime.mailboxes[effect.execution_id] = self.mailbox.put
        done: list[Done | ChildDone] = []
        for invocation in effect.invocations:
            if self.runtime.max_concurrency == 1 and not _may_be_given_up(invocation):
                done.append(self._call_here(invocation))
            else:
                self._call_in_pool(invocation)
        started = [child for child in effect.children if child.mode == "sync"]
        for child in effect.children:
            if child.mode != "sync":
                self.runtime.leave(child)
        for child in started:
            self._start_child(child)
        only_left = bool(effect.children) and not started and not effect.invocations
        return self._report(done, effect.until, block=not done and not only_left)

    def _abandon(self, effect: Abandon) -> None:
        """Ask calls to stop, and give them their grace."""
        now = self.runtime.clock.now()
        for key in effect.keys:
            call = self.under_way.get(key)
            if call is not None:
                call.flag.set()
                call.give_up_at = Instant(now + int(self.runtime.grace * 1e9))
                call.why = "cancelled"

    def _answer(self, invocation: Invocation) -> Answer:
        """One call, made here and now – unless it may have to be given up."""
        if invocation.timeout_ns is not None:
            return self._answer_in_time(invocation)
        outcome = self._outcome_of(invocation)
        requests = () if self.mailbox.empty() else self._report([], None, block=False).requests
        return Answer(outcome, invocation.now, self.runtime.clock.now(), requests)

    def _answer_in_time(self, invocation: Invocation) -> Answer:
        """One call that may have to be given up. Requests that come in the meantime are met after it."""
        report = self._perform(Perform(invocation.execution_id, (invocation,)))
        requests = list(report.requests)
        while not report.done:
            if any(isinstance(request, Cancel) for request in report.requests):
                self._abandon(Abandon(invocation.execution_id, tuple(self.under_way)))
            report = self._report([], None, block=True)
            requests.extend(report.requests)
        done = report.done[0]
        assert isinstance(done, Done)  # nothing else is under way
        return Answer(done.outcome, done.started_at, done.at, tuple(requests))

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _call_here(self, invocation: Invocation) -> Done:
        now = self.runtime.clock.now
        started_at = now()
        outcome = self._outcome_of(invocation)
        return Done((invocation.node_key, invocation.scope, invocation.run), outcome, started_at, now())

    def _outcome_of(self, invocation: Invocation) -> Outcome:
        """Call the node in this thread."""
        given = self.runtime.call(invocation)
        if type(given) is Completed:
            return given
        outcome = given if is_outcome(given) else self._await_here(given)
        if was_interrupted(outcome):
            self._interrupted(KeyboardInterrupt())
        return outcome

    def _interrupted(self, interrupt: BaseException) -> None:
        """Ctrl-C: the execution ends as failed, whatever its nodes say about errors; a second one waits for nobody."""
        if self.interrupt is not None:
            now = self.runtime.clock.now()
            for call in self.under_way.values():
                call.give_up_at, call.why = now, "cancelled"
        self.interrupt = interrupt
        error = NodeError(code="interrupted", message="the process was told to stop (Ctrl-C)", retryable=False)
        self.mailbox.put(Cancel("interrupted", error))

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

    def _call_in_pool(self, invocation: Invocation) -> None:
        if self.pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self.pool = ThreadPoolExecutor(self.runtime.max_concurrency, thread_name_prefix="prana")
        key = (invocation.node_key, invocation.scope, invocation.run)
        call = _Call()
        if invocation.timeout_ns is not None:
            call.give_up_at = Instant(self.runtime.clock.now() + invocation.timeout_ns)
            call.why = "timeout"
        self.under_way[key] = call
        self.pool.submit(self._in_thread, key, call, invocation)

    def _leave_pool(self) -> None:
        """A call that was given up keeps its thread for as long as it likes: the others get threads of a new pool."""
        if self.pool is not None:
            self.pool.shutdown(wait=False)
            self.pool = None

    def _in_thread(self, key: RunKey, call: _Call, invocation: Invocation) -> None:
        clock = self.runtime.clock
        started_at = clock.now()
        try:
            given = self.runtime.call(invocation, call.flag)
            outcome = given if is_outcome(given) else _in_a_loop_of_its_own(given)
        except BaseException as error:  # noqa: BLE001  # somebody waits for the answer, whatever it is
            outcome = failure(error)
        self.mailbox.put(_Answer(call, Done(key, outcome, started_at, clock.now())))

    # ── children ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _start_child(self, start: ChildStart) -> None:
        """Run a child now: here, or beside this when several things may go on at once."""
        if self.runtime.max_concurrency == 1:
            self.mailbox.put(self._child_done(start))
        else:
            Thread(target=self._child_in_thread, args=(start,), daemon=True, name="prana-child").start()

    def _child_in_thread(self, start: ChildStart) -> None:
        try:
            self.mailbox.put(self._child_done(start))
        except BaseException as error:  # noqa: BLE001  # the parent waits: it gets whatever went wrong, and raises it
            self.mailbox.put(_Broken(error))

    def _child_done(self, start: ChildStart) -> ChildDone:
        session = _Session(self.runtime)
        child = session.finish(start_child(start, self.runtime.options))
        if session.interrupt is not None:
            self._interrupted(session.interrupt)
        if isinstance(child, ChildFailed):
            return ChildDone(start.execution_id, None, child.as_request())
        return ChildDone(child.id, child)

    # ── mail ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _report(self, done: list[Done | ChildDone], until: Instant | None, *, block: bool) -> Report:
        requests: list[Request] = []
        while block and not done and not requests:
            mail = self._next(until)
            if mail is None:
                done.extend(self._given_up())
                break
            self._sort(mail, done, requests)
            done.extend(self._given_up())
        while not self.mailbox.empty():
            self._sort(self.mailbox.get(), done, requests)
        return Report(self.runtime.clock.now(), tuple(done), tuple(requests))

    def _sort(self, mail: Mail, done: list[Done | ChildDone], requests: list[Request]) -> None:
        if isinstance(mail, _Answer):
            if self.under_way.get(mail.done.key) is mail.call:
                del self.under_way[mail.done.key]
                done.append(mail.done)
            return  # else it comes too late: the run was given up, and its answer is not wanted any more
        if isinstance(mail, _Broken):
            raise mail.error
        if isinstance(mail, ChildDone):
            done.append(mail)
        else:
            requests.append(mail)

    def _next(self, until: Instant | None) -> Mail | None:
        """The next mail, or ``None`` when it is time to look at the clock."""
        limits = [call.give_up_at for call in self.under_way.values() if call.give_up_at is not None]
        instants = limits if until is None else [*limits, until]
        try:
            if not instants:
                return self.mailbox.get()
            return self.mailbox.get(timeout=self.runtime.clock.seconds_until(min(instants)))
        except Empty:
            return None
        except KeyboardInterrupt as interrupt:
            self._interrupted(interrupt)
            return None

    def _given_up(self) -> list[Done]:
        """Calls whose time or grace is over: they end here, whatever their threads still do."""
        now = self.runtime.clock.now()
        ended: list[Done] = []
        for key, call in list(self.under_way.items()):
            if call.give_up_at is not None and now >= call.give_up_at:
                call.flag.set()
                del self.under_way[key]
                self._leave_pool()
                self.runtime.abandoned_calls += 1
                ended.append(Done(key, given_up(key, call.why), now, now))
        return ended


def _may_be_given_up(invocation: Invocation) -> bool:
    """The call has a time of its own, or its execution has: it is made where it can be left behind."""
    return invocation.timeout_ns is not None or invocation.can_be_cancelled


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


class _Call:
    """A call that is under way in a thread."""

    __slots__ = ("flag", "give_up_at", "why")

    def __init__(self) -> None:
        self.flag = Event()
        self.give_up_at: Instant | None = None
        self.why = ""


class _Answer:
    """What came of a call in a thread."""

    __slots__ = ("call", "done")

    def __init__(self, call: _Call, done: Done) -> None:
        self.call = call
        self.done = done


class _Broken:
    """What a child's thread could not be done for."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


Mail: TypeAlias = _Answer | _Broken | ChildDone | Request
