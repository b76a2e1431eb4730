"""The one loop that drives an execution: decide, do, apply – until it has ended, or only waits for others."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from prana_py.driver.apply import row_of
from prana_py.driver.decide import Await, Launch, Rest, Write, decide, next_due
from prana_py.driver.effects import (
    Abandon,
    Barrier,
    ChildDone,
    ChildEnded,
    ChildStart,
    Commit,
    Deliver,
    Done,
    ErrorStart,
    Leave,
    Letter,
    Load,
    Notify,
    Perform,
    ReadClock,
    Refused,
    Report,
)
from prana_py.driver.global_mutexes import give_up_turns, take_free_turns, take_turn
from prana_py.driver.headers import index_of
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import events_between, starting
from prana_py.driver.prepare import prepare
from prana_py.driver.preparing import prepare_nodes, wants_preparation
from prana_py.driver.program import Program
from prana_py.driver.requests import Request, row_for
from prana_py.driver.resume_urls import UrlWriter
from prana_py.driver.straight import go_straight
from prana_py.driver.sub_workflows import children_of, error_start, orphans, result_for_parent
from prana_py.errors import InvariantError, TransitionError
from prana_py.execution.activation import Activation
from prana_py.execution.execution import NO_SUSPENSIONS, Execution
from prana_py.execution.rows import Begun, Ended, Row, RunKey, Settled, Suspended
from prana_py.execution.suspension import SubWorkflowWait, nanoseconds
from prana_py.execution.transitions import advance
from prana_py.identifiers import ExecutionId, Instant


class DrainedError(Exception):
    """Whoever drives is to stop: it goes no further here, and somebody else goes on from what is in the store."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How an execution is driven; nothing here changes what comes out."""

    max_concurrency: int = 1
    commits: bool = False
    """Somebody keeps the journal."""
    observed: bool = False
    """Somebody listens; errors are told even if nobody does, so that they can be logged."""
    outbox: bool = False
    """What a row asks of others is committed with it, and not handed over after it."""
    urls: UrlWriter | None = None
    """What templates call by ``resume_url``; without it that is not available."""
    drains: Callable[[], bool] | None = None
    """Whether this thread, or task, is to drive no further: nothing new starts, and what is under way is awaited."""


class Flight(msgspec.Struct, frozen=True, gc=False):
    """A call that a runtime has in hand."""

    activation: Activation
    params: dict[str, Any] | None


class Drive:
    """One execution while it is driven: its latest value, and what is under way. Belongs to one program."""

    def __init__(self, execution: Execution, options: Options, now: Instant) -> None:
        self.execution = execution
        self.options = options
        self.now = now
        self.in_flight: dict[RunKey, Flight] = {}
        self.children: set[ExecutionId] = set()
        """Sub-workflows that run inside this drive."""
        self.to_start: list[ChildStart] = []
        self.begun_here: set[RunKey] = set()
        self.abandoned: set[RunKey] = set()
        self.letters: set[int] = set()
        """The numbers of those that were read."""
        self._due: Instant | None = None
        self._due_of: Any = None

    def due(self) -> Instant | None:
        """When the next wait, or the deadline, comes due; looked for only when something has changed about them."""
        execution = self.execution
        if execution.suspensions is NO_SUSPENSIONS and execution.identity.deadline is None:
            return None
        seen = (execution.suspensions, execution.identity, execution.ending is None, execution.status)
        known = self._due_of
        if known is None or known[0] is not seen[0] or known[1] is not seen[1] or known[2:] != seen[2:]:
            self._due_of = seen
            self._due = next_due(self.execution)
        return self._due

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, row: Row, letter: int = 0) -> Program[None]:
        """Journal a row: it is applied, made durable, told, and then what must stop is stopped."""
        before = self.execution
        keys = frozenset(self.in_flight) if self.in_flight else _NOTHING
        after, row = advance(before, row, in_flight=keys)
        self.execution = after
        starts = children_of(after, row) if isinstance(row, Suspended) else []
        left_alone: list[Deliver] = []
        if before.suspensions is not after.suspensions and before.suspensions is not NO_SUSPENSIONS:
            left_alone = orphans(before, after, row)
        if self.options.commits:
            yield self._commit(after, row, letter, starts, left_alone)
        if self.options.observed or getattr(row, "error", None) is not None:
            yield Notify(events_between(before, row, after))
        self.to_start.extend(self.started_here(starts))
        if self.in_flight and not _only_moves_on(after, row):
            yield from self._abandon_what_is_gone()
        if self.options.outbox:
            return
        if after.execution_graph.has_global_mutex:
            yield give_up_turns(after)
        yield from left_alone

    def _commit(
        self,
        after: Execution,
        row: Row,
        letter: int,
        starts: list[ChildStart],
        left_alone: list[Deliver],
    ) -> Commit:
        """The transition, with what must become durable together with it."""
        if not self.options.outbox:
            return Commit(after, row, letter)
        others: list[ChildStart | ErrorStart] = [start for start in starts if start.mode != "sync"]
        error = error_start(after) if type(row) is Ended else None
        if error is not None:
            others.append(error)
        return Commit(after, row, letter, tuple(others), tuple(left_alone))

    def started_here(self, starts: list[ChildStart]) -> list[ChildStart]:
        """The children that this program sees to; the others are in the outbox."""
        return [start for start in starts if start.mode == "sync"] if self.options.outbox else starts

    def _abandon_what_is_gone(self) -> Program[None]:
        """Calls whose run is withdrawn, or whose execution is ending, are asked to stop; what undoes others goes on."""
        ending = self.execution.ending is not None
        live = {run.key for run in self.execution.frontier if not ending or run.compensates >= 0}
        gone = [key for key in self.in_flight if key not in live and key not in self.abandoned]
        self.abandoned.update(gone)
        if gone:
            yield Abandon(self.execution.id, tuple(gone))

    # ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────

    def launch(self, activations: Iterable[Activation]) -> Program[tuple[Invocation, ...]]:
        """The calls that these runs need. What needs no call is settled at once, and what must be begun is."""
        calls: list[Invocation] = []
        for activation in activations:
            crashed = activation.begun and activation.key not in self.begun_here
            write = None if self.options.urls is None else self.options.urls.reference
            prepared = prepare(self.execution, activation, self.now, crashed=crashed, write=write)
            if not isinstance(prepared, Invocation):
                yield from self.write(self.row_of(activation, prepared, self.now, self.now, None))
                break
            if not (yield from take_turn(self, activation)):
                break
            if _begins_durably(activation) and not activation.begun:
                yield from self._begin(activation)
                break
            if self.options.observed:
                yield Notify((self.starting(activation),))
            params = None if prepared.params is activation.vertex.params.source else prepared.params
            self.in_flight[activation.key] = Flight(activation, params)
            calls.append((yield from self._as_called(activation, prepared)))
        return tuple(calls)

    def _as_called(self, activation: Activation, call: Invocation) -> Program[Invocation]:
        """The call as the runtime gets it, with what is not kept of it."""
        cache = activation.vertex.settings.cache
        call = yield from self._with_real_urls(activation, call)
        return call if cache is None else msgspec.structs.replace(call, cache_ns=nanoseconds(cache))

    def _with_real_urls(self, activation: Activation, call: Invocation) -> Program[Invocation]:
        """The call as the node gets it, while references to resume URLs are what is kept of its params."""
        urls = self.options.urls
        if urls is None or not activation.vertex.names_resume_url:
            return call
        if self.options.commits:
            yield Barrier(self.execution.id)
        if call.call == "resume":
            return msgspec.structs.replace(call, params=urls.made_real(call.params, self.execution))
        real = prepare(self.execution, activation, self.now, write=urls.url)
        return real if isinstance(real, Invocation) else call

    def _begin(self, activation: Activation) -> Program[None]:
        self.begun_here.add(activation.key)
        index = index_of(self.execution, activation)
        yield from self.write(Begun(self.now, *activation.key, activation.run_index, index, activation.attempt))

    def starting(self, activation: Activation) -> Any:
        return starting(
            self.execution,
            self.now,
            node_key=activation.vertex.key,
            scope=activation.scope,
            run_index=activation.run_index,
            attempt=activation.attempt,
        )

    def row_of(
        self, activation: Activation, outcome: Any, started_at: Instant, at: Instant, params: dict[str, Any] | None
    ) -> Row:
        return row_of(self.execution, activation, outcome, started_at=started_at, at=at, params=params)

    # ── what comes back ───────────────────────────────────────────────────────────────────────────────────────────

    def take(self, report: Report) -> Program[None]:
        """Apply what has happened since the last report."""
        self.now = report.now
        for done in report.done:
            if isinstance(done, Done):
                yield from self._settle(done)
            else:
                yield from self._child_done(done)
        for request in report.requests:
            yield from self.obey(request)

    def _settle(self, done: Done) -> Program[None]:
        flight = self.in_flight.pop(done.key, None)
        if flight is None:
            return
        self.abandoned.discard(done.key)
        current = self._current(flight.activation)
        if current is None:
            return
        yield from self.write(self.row_of(current, done.outcome, done.started_at, done.at, flight.params))

    def _current(self, activation: Activation) -> Activation | None:
        """The run as it is in the frontier now; ``None`` when it was withdrawn while the call was under way."""
        frontier = self.execution.frontier
        if frontier and frontier[-1] is activation:
            return activation
        key = activation.key
        return next((other for other in reversed(frontier) if other.key == key), None)

    def _child_done(self, done: ChildDone) -> Program[None]:
        self.children.discard(done.execution_id)
        request = done.request
        if done.execution is not None and not self._awaits_siblings(done.execution):
            request = yield from result_for_parent(self.execution, done.execution)
        if request is not None:
            yield from self.obey(request)

    def _awaits_siblings(self, child: Execution) -> bool:
        """Another child of the same wait is still under way here; whoever is last tells of all of them."""
        parent = child.identity.parent
        suspension = None if parent is None or not self.children else self.execution.suspensions.get(parent.wait_id)
        if suspension is None or not isinstance(suspension.wait, SubWorkflowWait):
            return False
        return not self.children.isdisjoint(suspension.wait.children)

    def obey(self, request: Request | Letter, *, strictly: bool = False) -> Program[None]:
        """Act on a request. One that cannot be met any more is refused, to its sender if he waits for it."""
        if isinstance(request, Letter):
            yield from self._read(request)
            return
        try:
            row = row_for(self.execution, request, self.now)
        except TransitionError:
            if strictly:
                raise
            return
        yield from self.write(row)

    def _read(self, letter: Letter) -> Program[None]:
        """Act on what a letter says, or refuse it; one that comes twice is read once."""
        if letter.number in self.letters:
            return
        self.letters.add(letter.number)
        try:
            request = yield from self._meant_by(letter.content)
            row = None if request is None else row_for(self.execution, request, self.now)
        except TransitionError as error:
            yield Refused(letter.number, error)
            return
        if row is None:
            yield Refused(letter.number)
        else:
            yield from self.write(row, letter.number)

    def _meant_by(self, content: Request | ChildEnded) -> Program[Request | None]:
        """The request; of a child that has ended, what that means to the wait for it, if anything yet."""
        if not isinstance(content, ChildEnded):
            return content
        child: Execution | None = yield Load(content.execution_id)
        return None if child is None else (yield from result_for_parent(self.execution, child))


def run_to_rest(
    execution: Execution, options: Options, *, requests: Iterable[Request | Letter] = (), now: Instant | None = None
) -> Program[Execution]:
    """Drive an execution until it has ended, or only waits; requests are met first, or refused with an error.

    Whoever has just read the clock says so by ``now``.
    """
    drive = Drive(execution, options, (yield ReadClock()) if now is None else now)
    if requests or _has_more_to_take_up(execution):
        yield from _take_up(drive, requests)
    goes_straight = options.max_concurrency == 1 and execution.identity.deadline is None
    while True:
        if goes_straight and not drive.in_flight and not drive.children:
            yield from go_straight(drive)
        if drive.to_start:  # children go first; beside them others may go on if several things may
            yield from _await(drive, (), None if options.max_concurrency == 1 else drive.now)
        elif (yield from _step(drive)):
            break
    if drive.execution.status == "failed" and execution.status != "failed" and not options.outbox:
        yield from _tell_of_failure(drive.execution)
    return drive.execution


def _has_more_to_take_up(execution: Execution) -> bool:
    """Not so an execution that has just begun, and whose nodes want no preparation."""
    graph = execution.execution_graph
    return execution.suspensions is not NO_SUSPENSIONS or graph.has_prepare or graph.has_global_mutex


def _take_up(drive: Drive, requests: Iterable[Request | Letter]) -> Program[None]:
    """What comes before the first decision: requests, turns that have become free, preparation, children."""
    for request in requests:
        yield from drive.obey(request, strictly=True)
    if drive.execution.execution_graph.has_global_mutex:
        yield from take_free_turns(drive)
    if wants_preparation(drive.execution):
        yield from prepare_nodes(drive)
    if drive.execution.suspensions is not NO_SUSPENSIONS:
        for suspension in drive.execution.suspensions.values():  # after a crash; starting twice finds the first
            drive.to_start.extend(drive.started_here(children_of(drive.execution, suspension)))


def _tell_of_failure(execution: Execution) -> Program[None]:
    """Have the error workflow started, if the execution has failed and names one."""
    start = error_start(execution)
    if start is not None:
        yield Leave(start)


def _step(drive: Drive) -> Program[bool]:
    """Do the next thing; true when there is nothing to do any more."""
    capacity = drive.options.max_concurrency
    if drive.options.drains is not None and drive.options.drains():
        if not drive.in_flight and not drive.children:
            yield Barrier(drive.execution.id)
            raise DrainedError(drive.execution.id)
        capacity = 0
    decision = decide(drive.execution, drive.in_flight, capacity=capacity, now=drive.now, due=drive.due())
    match decision:
        case Write(row):
            yield from drive.write(row)
            return type(row) is Ended
        case Launch(activations):
            calls = yield from drive.launch(activations)
            if calls:
                yield from _await(drive, calls, drive.due())
        case Await(until):
            if not drive.in_flight and until is None and not drive.children:
                raise InvariantError(f"execution {drive.execution.id!r} has nothing to wait for")
            yield from _await(drive, (), until)
        case Rest():
            if drive.execution.is_final or not (drive.children or drive.in_flight):
                return True
            yield from _await(drive, (), drive.due())
    return False


_NOTHING: frozenset[RunKey] = frozenset()


def _await(drive: Drive, calls: tuple[Invocation, ...], until: Instant | None) -> Program[None]:
    children = tuple(drive.to_start)
    drive.to_start.clear()
    drive.children.update(child.execution_id for child in children if child.mode == "sync")
    report = yield Perform(drive.execution.id, calls, until, children)
    yield from drive.take(report)


def _only_moves_on(execution: Execution, row: Row) -> bool:
    """An ordinary row, which cannot have stopped anything that is under way."""
    if not isinstance(row, Settled) or row.failed or row.consequences:
        return False
    return execution.execution_graph.vertex(row.node).spec.owner is None


def _begins_durably(activation: Activation) -> bool:
    """Runs whose begin must be known before their effects can be."""
    settings = activation.vertex.settings
    if settings.delivery == "at_most_once":
        return True
    return activation.resumption is None and (settings.mutex is not None or settings.enabled_if is not None)
