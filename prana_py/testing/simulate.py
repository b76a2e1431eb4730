"""Runs a workflow in virtual time as a seed says, with crashes where it is told: what is left must always be right."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from zlib import crc32

import msgspec

from prana_py.driver.decide import next_due
from prana_py.driver.effects import Commit, Deliver, Done, Load
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.requests import Request
from prana_py.errors import InvariantError, TransitionError
from prana_py.execution.beginning import StartOptions
from prana_py.execution.execution import Execution
from prana_py.execution.invariants import check_invariants
from prana_py.execution.rows import RunKey
from prana_py.execution.storage import decode_row, load_rows
from prana_py.execution.suspension import nanoseconds
from prana_py.execution.transitions import apply, start
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, Instant, NodeKey, Scope
from prana_py.model.workflow import Workflow
from prana_py.nodes.catalog import Catalog
from prana_py.nodes.node_type import AnyNode, NodeType
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.ledger import Ledger
from prana_py.testing.likeness import differences
from prana_py.testing.memory_store import Letter, MemoryStore
from prana_py.testing.virtual import Played, Strand, VirtualRuntime

Nodes: TypeAlias = Catalog | Iterable[AnyNode | type[NodeType]]

ROOT: Final = "root"

MOST_COMMITS: Final = 20_000
"""A simulation that commits more often than this goes round in circles."""


class CrashPoint(NamedTuple):
    """The process ends before or after this commit, counted from 1 over the whole simulation."""

    commit: int
    when: Literal["before", "after"]


class Ask(msgspec.Struct, frozen=True):
    """Somebody asks something of an execution: at rest, in the order given; or, with ``at``, after that commit."""

    request: Request | Callable[[Execution], Request | None]
    at: int | None = None
    to: str | None = None
    """The workflow of whose newest execution it is asked; ``None``: the one that is simulated."""


class Pass(msgspec.Struct, frozen=True):
    """When all rests, so much time passes; what has come due then happens."""

    time: timedelta


Step: TypeAlias = Ask | Pass


class Entry(NamedTuple):
    """A run in the audit set."""

    execution_id: ExecutionId
    node_key: NodeKey
    scope: Scope
    run: int
    status: str
    ports: tuple[str, ...]
    output: str
    error: str | None


class SimulationResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulation came to."""

    execution: Execution
    executions: dict[ExecutionId, Execution]
    """The whole family by id; the first one is ``execution``."""
    journals: dict[ExecutionId, list[bytes]]
    """Every row, as a store would have it."""
    ledger: Ledger
    commits: int
    """There are two crash points for each: before and after."""
    crashes: int
    refusals: list[TransitionError]
    """What was answered to requests that could not be met."""
    clock: FakeClock

    @property
    def crash_points(self) -> list[CrashPoint]:
        """Every place where this simulation could have crashed."""
        return [CrashPoint(commit, when) for commit in range(1, self.commits + 1) for when in ("before", "after")]

    @property
    def statuses(self) -> dict[ExecutionId, str]:
        """The status of every execution."""
        return {key: execution.status for key, execution in self.executions.items()}

    def audit(self) -> frozenset[Entry]:
        """Every run of every execution, without times and order."""
        return frozenset(entry for execution in self.executions.values() for entry in entries_of(execution))


def simulate(
    workflow: Workflow | ExecutionGraph,
    value: Any = None,
    *,
    nodes: Nodes = (),
    workflows: Iterable[Workflow | ExecutionGraph] = (),
    seed: int = 0,
    max_concurrency: int = 1,
    crash_at: Collection[CrashPoint] = (),
    requests: Sequence[Step] = (),
    clock_jumps: bool = False,
    longest_call: timedelta = timedelta(milliseconds=10),
) -> SimulationResult:
    """Run a workflow until nothing can happen any more. The seed decides how long each call takes, and so the order.

    After every row the journal, decoded and folded, is held against the live execution; a difference is an
    ``InvariantError``. Time jumps to what is waited for. After a crash everything is loaded from the encoded rows.
    """
    world = _World(
        nodes,
        seed=seed,
        max_concurrency=max_concurrency,
        workflows=workflows,
        crash_at=frozenset(crash_at),
        requests=requests,
        clock_jumps=clock_jumps,
        longest_call_ns=nanoseconds(longest_call),
    )
    return world.live_through(world.graph_of(workflow), value)


def simulate_every_crash(
    workflow: Workflow | ExecutionGraph, value: Any = None, *, every: int = 1, **options: Any
) -> tuple[SimulationResult, int]:
    """The undisturbed simulation, and then one with a crash at each of its crash points (or at each ``every``-th).

    Each must come to the same output, status, audit set and idempotency keys, and end every run once; else an
    ``InvariantError`` names the crash point. The second value is the number of crash points.
    """
    calm = simulate(workflow, value, **options)
    points = calm.crash_points[::every]
    for point in points:
        disturbed = simulate(workflow, value, crash_at=[point], **options)
        problems = list(unlike(calm, disturbed))
        if problems:
            raise InvariantError(f"after a crash {point.when} commit {point.commit}: " + "; ".join(problems))
    return calm, len(points)


def unlike(calm: SimulationResult, disturbed: SimulationResult) -> Iterator[str]:
    """In what two simulations of one workflow differ that must not."""
    if calm.statuses != disturbed.statuses:
        yield f"statuses {disturbed.statuses} instead of {calm.statuses}"
    if without_counts(calm.execution.output) != without_counts(disturbed.execution.output):
        yield f"output {disturbed.execution.output!r} instead of {calm.execution.output!r}"
    more, less = disturbed.audit() - calm.audit(), calm.audit() - disturbed.audit()
    if more or less:
        yield f"runs {sorted(map(str, more))} instead of {sorted(map(str, less))}"
    if calm.ledger.keys() != disturbed.ledger.keys():
        yield "other idempotency keys"
    yield from ended_twice(disturbed)


def ended_twice(result: SimulationResult) -> Iterator[str]:
    """Runs whose end the journal tells more than once."""
    for effect in result.ledger:
        if effect.completions > 1:
            yield f"run {effect.run} of {effect.node_key!r} ended {effect.completions} times"


def entries_of(execution: Execution) -> Iterator[Entry]:
    """The runs of an execution."""
    for key, runs in execution.node_executions.items():
        for run in runs:
            code = None if run.error is None else run.error.code
            output = without_counts(run.output)
            yield Entry(execution.id, key, run.scope, run.run, run.status, run.output_ports, output, code)


def without_counts(value: Any) -> str:
    """A value as text. The run index, also in wait ids, counts over all items of a loop, which may overtake another."""
    return _COUNTS.sub("", repr(value))


_COUNTS: Final = re.compile(r"'run_index': \d+, |#\d+")


class _Crash(Exception):
    """The process ends here."""


class _World(VirtualRuntime):
    """One family of executions, its store, and everybody who asks something of it."""

    def __init__(
        self,
        nodes: Nodes,
        *,
        seed: int,
        crash_at: frozenset[CrashPoint],
        requests: Sequence[Step],
        clock_jumps: bool,
        longest_call_ns: int,
        **options: Any,
    ) -> None:
        super().__init__(nodes, **options)
        self.options = msgspec.structs.replace(self.options, commits=True)
        self.seed = seed
        self.crash_at = crash_at
        self.longest_call_ns = longest_call_ns
        self.clock_jumps = clock_jumps
        self.script = [step for step in requests if isinstance(step, Pass) or step.at is None]
        self.surprises = [step for step in requests if isinstance(step, Ask) and step.at is not None]
        self.store = MemoryStore()
        self.ledger = Ledger()
        self.live: dict[ExecutionId, Execution] = {}
        self.loaded: dict[ExecutionId, Execution] = {}
        """Each execution as its rows tell of it, one row after another."""
        self.commits = 0
        self.crashes = 0
        self.refusals: list[TransitionError] = []
        self.obeying: dict[int, list[tuple[ExecutionId, Request]]] = {}
        self.to_recover: list[ExecutionId] = []

    # ── a life ────────────────────────────────────────────────────────────────────────────────────────────────────

    def live_through(self, graph: ExecutionGraph, value: Any) -> SimulationResult:
        """Start, and go on – after crashes too – until nothing can happen any more."""
        self.graphs[graph.workflow_id] = graph
        going_on = True
        while going_on:
            try:
                if ROOT not in self.live:
                    self.run(self.starting(graph, value, StartOptions(execution_id=ROOT)))
                going_on = self._next()
            except _Crash:
                self._reload()
        for execution in self.live.values():
            check_invariants(execution, refold=False)
        return SimulationResult(
            execution=self.live[ROOT],
            executions=self.live,
            journals=self.store.journals,
            ledger=self.ledger,
            commits=self.commits,
            crashes=self.crashes,
            refusals=self.refusals,
            clock=self.clock,
        )

    def _next(self) -> bool:
        """Everything rests: see to what was left, then to the script, then to the time. False: there is nothing."""
        unmet = next(iter(self.store.inbox), None)
        if self.to_recover:
            self.run(self.going_on(self.live[self.to_recover.pop(0)]))
        elif unmet is not None:
            self._ask(unmet.execution_id, unmet.request)
        elif self._jobs:
            self.run(self.going_on(self.live[ROOT]))
        elif self.script:
            self._follow(self.script.pop(0))
        else:
            return self._jump()
        return True

    def _follow(self, step: Step) -> None:
        if isinstance(step, Pass):
            until = Instant(self.clock.now() + nanoseconds(step.time))
            while self._jump(until):
                pass
            self.clock.advance_to(until)
            return
        self._post(step)

    def _post(self, ask: Ask) -> Letter | None:
        """Put a request into the inbox, from where it gets lost no more."""
        wanted = self.live[ROOT].workflow_id if ask.to is None else ask.to
        target = next((live for live in reversed(self.live.values()) if live.workflow_id == wanted), None)
        if target is None:
            return None
        request = ask.request(target) if callable(ask.request) else ask.request
        return None if request is None else self.store.post(target.id, request)

    def _ask(self, execution_id: ExecutionId, request: Request) -> None:
        target = self.live.get(execution_id)
        try:
            if target is not None:
                self.run(self.going_on(target, (request,)))
        except TransitionError as error:
            self.refusals.append(error)
        self.store.settle(execution_id, request)

    def _jump(self, until: Instant | None = None) -> bool:
        """Go to the next instant that any execution waits for, and drive that one on."""
        due = [(next_due(execution), key) for key, execution in self.live.items() if not execution.is_final]
        ripe = sorted((at, key) for at, key in due if at is not None and (until is None or at <= until))
        if not ripe:
            return False
        at, key = ripe[0]
        self.clock.advance_to(at)
        before = self.live[key]
        self.run(self.going_on(before))
        if self.live[key] is before:
            raise InvariantError(f"execution {key!r} waits for {at}, and nothing happens then")
        return True

    # ── crashes ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _reload(self) -> None:
        """A new process: everything is as the store has it, and whoever was under way is driven on."""
        self.crashes += 1
        self.drop_everything()
        self.obeying.clear()
        self._jobs.clear()
        self._jobs.extend(self.store.children_to_start())
        for key, rows in self.store.journals.items():
            graph = self.graphs[self.live[key].workflow_id] if key in self.live else self.graph_by_row(rows)
            self.live[key] = self.loaded[key] = load_rows(graph, rows)
        for key in list(self.live):
            if key not in self.store.journals:
                del self.live[key]
        self.to_recover = [key for key in self.store.journals if not self.live[key].is_final]

    def graph_by_row(self, rows: list[bytes]) -> ExecutionGraph:
        """The graph of an execution that was never live here."""
        row = decode_row(rows[0])
        return self.graphs[row.workflow_id]  # type: ignore[union-attr]  # a Started row

    # ── effects ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _commit(self, effect: Commit) -> None:
        self.commits += 1
        if self.commits > MOST_COMMITS:
            raise InvariantError(f"more than {MOST_COMMITS} commits")
        if CrashPoint(self.commits, "before") in self.crash_at:
            raise _Crash
        execution, row = effect.execution, effect.row
        self.store.commit(self.live.get(execution.id), execution, row)
        self.live[execution.id] = execution
        self.ledger.journaled(execution.id, execution.identity.key_seed, row)
        self._check(execution, self.store.journals[execution.id][-1])
        self._surprise()
        if CrashPoint(self.commits, "after") in self.crash_at:
            raise _Crash

    def _check(self, execution: Execution, body: bytes) -> None:
        """The journal tells of exactly what lives."""
        row: Any = decode_row(body)
        before = self.loaded.get(execution.id)
        graph = execution.execution_graph
        loaded = start(graph, row, execution.environment) if before is None else apply(before, row)
        self.loaded[execution.id] = loaded
        if told := differences(execution, loaded):
            raise InvariantError(f"the journal of {execution.id!r} tells otherwise after {row!r}: " + "; ".join(told))

    def _surprise(self) -> None:
        for ask in [ask for ask in self.surprises if ask.at is not None and ask.at <= self.commits]:
            self.surprises.remove(ask)
            letter = self._post(ask)
            if letter is not None:
                self.send(letter.execution_id, letter.request)

    def tell(self, event: LifecycleEvent) -> None:
        """Nobody listens."""

    def _load(self, effect: Load) -> Execution | None:
        return self.live.get(effect.execution_id)

    def _deliver(self, effect: Deliver) -> None:
        """It is in the inbox already, since the commit that asked for it; whoever drives its target gets it now."""
        self.send(effect.execution_id, effect.request)

    def not_read(self, letter: Deliver) -> None:
        """It is still in the inbox."""

    def has_obeyed(self, strand: Strand) -> None:
        for execution_id, request in self.obeying.pop(id(strand), ()):
            self.store.settle(execution_id, request)

    def _requests(self, strand: Strand) -> tuple[Request, ...]:
        requests = super()._requests(strand)
        if requests and strand.execution_id is not None:
            self.obeying.setdefault(id(strand), []).extend((strand.execution_id, request) for request in requests)
        return requests

    # ── what the seed decides ─────────────────────────────────────────────────────────────────────────────────────

    def play(self, invocation: Invocation) -> Played:
        self.ledger.called(invocation)
        return Played(self.outcome_of(invocation), self._chance(invocation.idempotency_key, invocation.attempt))

    def _chance(self, *told: Any) -> int:
        """A duration that depends on the seed and on what is told, and on nothing else."""
        number = crc32(repr((self.seed, told)).encode())
        return number % (self.longest_call_ns + 1) if number & 1 else 0

    def tie(self, done: Done | None) -> int:
        return 0 if done is None else crc32(repr((self.seed, done.key)).encode())

    def waits_in_grace(self, strand: Strand, key: RunKey) -> bool:
        return bool(self._chance(key, "grace"))

    def time_has_passed(self) -> None:
        if self.clock_jumps and crc32(b"%d jump %d" % (self.seed, self.commits)) % 5 == 0:
            self.clock.advance(hours=1)
