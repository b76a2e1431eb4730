"""What every runtime keeps while it performs one program: the calls under way, their limits, and what has come."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from threading import Event
from typing import Any, TypeAlias

from prana_py.driver.effects import Abandon, ChildDone, ChildStart, Deliver, Done, Letter, Perform, Report
from prana_py.driver.family import ChildFailed
from prana_py.driver.invocation import Invocation
from prana_py.driver.requests import Request
from prana_py.execution.execution import Execution
from prana_py.execution.rows import RunKey
from prana_py.identifiers import ExecutionId, Instant
from prana_py.runtimes.base import Runtime, given_up


class Call:
    """A call that is under way elsewhere: in a thread, or in a task."""

    __slots__ = ("flag", "give_up_at", "started_at", "stop", "why")

    def __init__(self, started_at: Instant) -> None:
        self.flag = Event()
        self.started_at = started_at
        self.give_up_at: Instant | None = None
        self.why = ""
        self.stop: Callable[[], object] | None = None
        """Ends it, where a call can be ended from outside."""


class Answered:
    """What came of a call."""

    __slots__ = ("call", "done")

    def __init__(self, call: Call, done: Done) -> None:
        self.call = call
        self.done = done


class Broken:
    """Why a child could not be driven."""

    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


Mail: TypeAlias = Answered | Broken | ChildDone | Request | Letter


class Session:
    """One program while it is performed. What runs in place, in a thread or in a task is the subclass's business."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.under_way: dict[RunKey, Call] = {}
        self.done: list[Done | ChildDone] = []
        self.requests: list[Request | Letter] = []
        self.known_as: ExecutionId | None = None

    # ── what a subclass does ──────────────────────────────────────────────────────────────────────────────────────

    @abstractmethod
    def put(self, mail: Mail) -> None:
        """Take mail, from any thread."""

    @abstractmethod
    def start_call(self, key: RunKey, call: Call, invocation: Invocation) -> None:
        """Make a call elsewhere; its answer comes by mail."""

    @abstractmethod
    def start_child(self, start: ChildStart) -> None:
        """Drive a child; its end comes by mail."""

    @abstractmethod
    def leave_behind(self, call: Call) -> None:
        """A call was given up, whatever it still does."""

    @abstractmethod
    def look(self) -> None:
        """Sort whatever has come."""

    # ── handing over ──────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, effect: Perform) -> list[Invocation]:
        """Start what is asked for, but for the calls that are to be made in place, which are returned."""
        if self.known_as != effect.execution_id:
            self.drives(effect.execution_id)
        for child in effect.children:
            if child.mode == "sync":
                self.start_child(child)
            else:
                self.runtime.leave(child)
        if self.runtime.max_concurrency > 1:
            here, elsewhere = [], list(effect.invocations)
        else:
            here = [call for call in effect.invocations if not may_be_given_up(call)]
            elsewhere = [call for call in effect.invocations if may_be_given_up(call)]
        for invocation in elsewhere:
            self.hand_over(invocation)
        return here

    def hand_over(self, invocation: Invocation) -> None:
        """Make a call where others may go on beside it, and where it can be given up."""
        key = (invocation.node_key, invocation.scope, invocation.run)
        call = Call(self.runtime.clock.now())
        if invocation.timeout_ns is not None:
            call.give_up_at = Instant(call.started_at + invocation.timeout_ns)
            call.why = "timeout"
        self.under_way[key] = call
        self.start_call(key, call, invocation)

    def waits_for(self, effect: Perform) -> bool:
        """Whether there is something to wait for before the program goes on."""
        self.look()
        if self.done or self.requests:
            return False
        return not effect.children or bool(self.under_way) or any(child.mode == "sync" for child in effect.children)

    def drives(self, execution_id: ExecutionId | None) -> None:
        """The program drives this execution now, and no other: what was asked of the one before is left for later."""
        before, self.known_as = self.known_as, execution_id
        if before is not None:
            self.runtime.mailboxes.pop(before, None)
            self.look()
            for request in self.requests:
                if not isinstance(request, Letter):  # a letter is kept elsewhere until it is met
                    self.runtime.leave(Deliver(before, request))
            self.requests.clear()
        if execution_id is not None:
            self.runtime.mailboxes[execution_id] = self.put

    # ── giving up ─────────────────────────────────────────────────────────────────────────────────────────────────

    def abandon(self, effect: Abandon) -> None:
        """Ask calls to stop, and give them their grace."""
        self.ask_to_stop(effect.keys, int(self.runtime.grace * 1e9))

    def ask_to_stop(self, keys: Any, grace_ns: int) -> None:
        """Tell these calls that they should end, and give them up after a while."""
        until = Instant(self.runtime.clock.now() + grace_ns)
        for key in keys:
            call = self.under_way.get(key)
            if call is not None:
                call.flag.set()
                call.give_up_at, call.why = until, "cancelled"

    def next_limit(self, until: Instant | None) -> Instant | None:
        """When to look at the clock at the latest."""
        limits = [call.give_up_at for call in self.under_way.values() if call.give_up_at is not None]
        if until is not None:
            limits.append(until)
        return min(limits, default=None)

    def give_up_late(self) -> None:
        """Calls whose time or grace is over end here, whatever they still do."""
        now = self.runtime.clock.now()
        for key, call in list(self.under_way.items()):
            if call.give_up_at is not None and now >= call.give_up_at:
                call.flag.set()
                del self.under_way[key]
                self.leave_behind(call)
                self.runtime.abandoned_calls += 1
                self.done.append(Done(key, given_up(key, call.why), call.started_at, now))

    # ── what has come ─────────────────────────────────────────────────────────────────────────────────────────────

    def sort(self, mail: Mail) -> None:
        """Put mail where it belongs. The answer of a call that was given up comes too late, and is not wanted."""
        if isinstance(mail, Answered):
            if self.under_way.get(mail.done.key) is mail.call:
                del self.under_way[mail.done.key]
                self.done.append(mail.done)
        elif isinstance(mail, Broken):
            raise mail.error
        elif isinstance(mail, ChildDone):
            self.done.append(mail)
        else:
            self.requests.append(mail)

    def report(self) -> Report:
        """Everything that has come, and is forgotten here."""
        self.look()
        done, requests = tuple(self.done), tuple(self.requests)
        self.done.clear()
        self.requests.clear()
        return Report(self.runtime.clock.now(), done, requests)

    def requests_so_far(self) -> tuple[Request | Letter, ...]:
        """What was asked during a call that was made in place."""
        self.look()
        requests = tuple(self.requests)
        self.requests.clear()
        return requests


def may_be_given_up(invocation: Invocation) -> bool:
    """The call has a time of its own, or its execution has: it is made where it can be left behind."""
    return invocation.timeout_ns is not None or invocation.can_be_cancelled


def child_done(start: ChildStart, child: Execution | ChildFailed) -> ChildDone:
    """How a child's end is told to its parent."""
    if isinstance(child, ChildFailed):
        return ChildDone(start.execution_id, None, child.as_request())
    return ChildDone(child.id, child)
