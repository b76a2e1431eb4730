"""Performs programs on one thread in virtual time: a call is two events, and time jumps from each event to the next."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from prana_py.driver.effects import Abandon, Answer, ChildDone, ChildStart, Deliver, Done, Perform, Report
from prana_py.driver.family import ChildFailed, start_child
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Outcome
from prana_py.driver.program import Program
from prana_py.driver.requests import Request
from prana_py.errors import InvariantError, PranaError
from prana_py.execution.execution import Execution
from prana_py.execution.rows import RunKey
from prana_py.identifiers import ExecutionId, Instant
from prana_py.runtimes.base import awaited, given_up, is_outcome
from prana_py.runtimes.verbs import Verbs
from prana_py.testing.fake_clock import FakeClock

Result = TypeVar("Result")

Handlers: TypeAlias = dict[type, Callable[[Any], Any]]


class Played(NamedTuple):
    """What a call comes to, and how long it takes."""

    outcome: Outcome
    duration_ns: int = 0


class Strand:
    """One program that is being performed: what it waits for, and what has come for it."""

    def __init__(self, program: Program[Any], on_end: Callable[[Any], None]) -> None:
        self.program: Final = program
        self.on_end: Final = on_end
        self.handlers: Handlers = {}
        self.execution_id: ExecutionId | None = None
        self.reply: Any = None
        self.waits = False
        self.answers_to: RunKey | None = None
        """It waits for one call, whose ``Answer`` it wants."""
        self.done: list[Done | ChildDone] = []
        self.requests: list[Request] = []
        self.under_way: dict[RunKey, int] = {}
        """By run: the number of the event that will end its call."""
        self.turn = 0
        """How often it has gone on; a timer of an earlier turn is void."""


class Event(NamedTuple):
    """Something that will happen to a strand."""

    at: Instant
    tie: int
    number: int
    strand: Strand
    done: Done | None
    turn: int
    """Of a timer: the turn in which the strand waits for it."""


class VirtualRuntime(Verbs[Execution]):
    """Lets no real time pass. Subclasses say what a call comes to, and how long it takes."""

    clock: FakeClock

    def __init__(self, nodes: Any = (), *, clock: FakeClock | None = None, **options: Any) -> None:
        super().__init__(nodes, clock=clock or FakeClock(), **options)
        self._events: list[Event] = []
        self._numbers = count()
        self._strands: list[Strand] = []

    # ── what subclasses may say ───────────────────────────────────────────────────────────────────────────────────

    def play(self, invocation: Invocation) -> Played:
        """What this call comes to, and when; the node itself is called, at once."""
        return Played(self.outcome_of(invocation))

    def tie(self, done: Done | None) -> int:
        """Which of several events at one instant comes first: the least. Else they come in order."""
        return 0

    def waits_in_grace(self, strand: Strand, key: RunKey) -> bool:
        """Whether a call that was asked to stop goes on to its own end. Else it stops at once."""
        return False

    def not_read(self, letter: Deliver) -> None:
        """A request came when the program had done with that execution."""
        self.leave(letter)

    def has_obeyed(self, strand: Strand) -> None:
        """The program waits again, or has ended: what it was asked has been met or refused."""

    def time_has_passed(self) -> None:
        """Something has happened; a subclass may let more time pass, or send requests."""

    # ── calls ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def outcome_of(self, invocation: Invocation) -> Outcome:
        """The outcome of the node's own code."""
        given: Any = self.call(invocation)
        if is_outcome(given):
            return given
        import asyncio

        return asyncio.run(awaited(given))

    # ── performing ────────────────────────────────────────────────────────────────────────────────────────────────

    def run(self, program: Program[Result]) -> Result:
        """Perform a program, and the programs of its children, to their ends."""
        ended: list[Result] = []
        self._begin(program, ended.append)
        try:
            while self._strands:
                self._go_on()
        except BaseException:
            self.drop_everything()
            raise
        return ended[0]

    def drop_everything(self) -> None:
        """Drop whatever is under way, as the end of a process does."""
        for strand in self._strands:
            strand.program.close()
        self._strands.clear()
        self._events.clear()
        self.mailboxes.clear()

    def _begin(self, program: Program[Any], on_end: Callable[[Any], None]) -> Strand:
        strand = Strand(program, on_end)
        strand.handlers = self.handlers()
        strand.handlers[Invocation] = lambda effect: self._answer(strand, effect)
        strand.handlers[Perform] = lambda effect: self._perform(strand, effect)
        strand.handlers[Abandon] = lambda effect: self._abandon(strand, effect)
        self._strands.append(strand)
        return strand

    def _go_on(self) -> None:
        strand = next((strand for strand in self._strands if not strand.waits), None)
        if strand is None:
            self._happen()
        else:
            self._step(strand)

    def _step(self, strand: Strand) -> None:
        """Let a program go on until it waits, or has ended."""
        reply, strand.reply = strand.reply, None
        try:
            effect = strand.program.send(reply)
            while True:
                try:
                    reply = strand.handlers[type(effect)](effect)
                except PranaError as error:
                    effect = strand.program.throw(error)
                    continue
                if strand.waits:
                    return
                effect = strand.program.send(reply)
        except StopIteration as stop:
            self._end(strand, stop.value)

    def _end(self, strand: Strand, result: Any) -> None:
        self._strands.remove(strand)
        self.has_obeyed(strand)
        self._know(strand, None)
        strand.on_end(result)

    # ── effects that wait ─────────────────────────────────────────────────────────────────────────────────────────

    def _settle_turn(self, strand: Strand) -> None:
        strand.turn += 1
        self.has_obeyed(strand)

    def _answer(self, strand: Strand, invocation: Invocation) -> None:
        self._settle_turn(strand)
        self._know(strand, invocation.execution_id)
        strand.answers_to = self._start_call(strand, invocation)
        strand.waits = True

    def _perform(self, strand: Strand, effect: Perform) -> Report | None:
        self._settle_turn(strand)
        self._know(strand, effect.execution_id)
        for invocation in effect.invocations:
            self._start_call(strand, invocation)
        for child in effect.children:
            self._start_child(strand, child)
        if effect.children and not effect.invocations and all(child.mode != "sync" for child in effect.children):
            return self._report(strand)
        if effect.until is not None:
            self._plan(effect.until, strand, None)
        strand.waits = not (strand.done or strand.requests)
        return None if strand.waits else self._report(strand)

    def _know(self, strand: Strand, execution_id: ExecutionId | None) -> None:
        """The program drives this execution now, and no other."""
        before = strand.execution_id
        if before == execution_id:
            return
        strand.execution_id = execution_id
        if before is not None:
            self.mailboxes.pop(before, None)
            unread, strand.requests = strand.requests, []
            for request in unread:
                self.not_read(Deliver(before, request))
        if execution_id is not None:
            self.mailboxes[execution_id] = lambda request: self._receive(strand, request)

    def _start_call(self, strand: Strand, invocation: Invocation) -> RunKey:
        key = (invocation.node_key, invocation.scope, invocation.run)
        now = self.clock.now()
        outcome, duration_ns = self.play(invocation)
        if invocation.timeout_ns is not None and duration_ns > invocation.timeout_ns:
            outcome, duration_ns = given_up(key, "timeout"), invocation.timeout_ns
        at = Instant(now + duration_ns)
        strand.under_way[key] = self._plan(at, strand, Done(key, outcome, now, at))
        return key

    def _start_child(self, strand: Strand, start: ChildStart) -> None:
        if start.mode != "sync":
            self.leave(start)
            return

        def ended(child: Execution | ChildFailed) -> None:
            if isinstance(child, ChildFailed):
                strand.done.append(ChildDone(start.execution_id, None, child.as_request()))
            else:
                strand.done.append(ChildDone(child.id, child))
            self._wake(strand)

        self._begin(start_child(start, self.options), ended)

    def _abandon(self, strand: Strand, effect: Abandon) -> None:
        now = self.clock.now()
        for key in effect.keys:
            if key in strand.under_way and not self.waits_in_grace(strand, key):
                strand.under_way[key] = self._plan(now, strand, Done(key, given_up(key, "cancelled"), now, now))

    # ── events ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _plan(self, at: Instant, strand: Strand, done: Done | None) -> int:
        number = next(self._numbers)
        heappush(self._events, Event(at, self.tie(done), number, strand, done, strand.turn))
        return number

    def _happen(self) -> None:
        """The next event: time jumps to it, and its strand learns of it."""
        while self._events:
            event = heappop(self._events)
            strand = event.strand
            if event.done is None:
                void = event.turn != strand.turn
            else:
                void = strand.under_way.get(event.done.key) != event.number
            if void:
                continue
            self.clock.advance_to(event.at)
            if event.done is not None:
                del strand.under_way[event.done.key]
                strand.done.append(event.done)
            self._wake(strand)
            self.time_has_passed()
            return
        raise InvariantError("every program waits, and nothing will ever happen")

    def _receive(self, strand: Strand, request: Request) -> None:
        strand.requests.append(request)
        if strand.answers_to is None and strand.waits:
            self._wake(strand)

    def _wake(self, strand: Strand) -> None:
        """Let a strand go on with what has come for it."""
        if not strand.waits:
            return
        if strand.answers_to is None:
            strand.reply = self._report(strand)
        else:
            mine = (done for done in strand.done if isinstance(done, Done) and done.key == strand.answers_to)
            done = next(mine, None)
            if done is None:
                return
            strand.done.remove(done)
            strand.reply = Answer(done.outcome, done.started_at, self.clock.now(), self._requests(strand))
        strand.answers_to = None
        strand.waits = False

    def _report(self, strand: Strand) -> Report:
        done = tuple(strand.done)
        strand.done.clear()
        return Report(self.clock.now(), done, self._requests(strand))

    def _requests(self, strand: Strand) -> tuple[Request, ...]:
        requests = tuple(strand.requests)
        strand.requests.clear()
        return requests
