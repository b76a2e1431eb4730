"""Lives a scenario through in a store, with a fault where it is told, and goes on after it as a new process would."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from prana_py import StorageError
from prana_py.driver.invocation import Invocation
from prana_py.engine.engine import Engine
from prana_py.engine.keeper import Durability
from prana_py.execution.execution import Execution
from prana_py.identifiers import ExecutionId
from prana_py.runtimes.local import LocalRuntime
from prana_py.stores import leases
from prana_py.stores.database import Database
from prana_py.stores.statements import Operation, Statement
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.crashing import Fault, FaultyDatabase, Killed
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.ledger import Ledger
from prana_py.testing.simulate import Entry, entries_of, without_counts
from prana_py.testing.store_invariants import check_store
from tests.durability.scenarios import CATALOG, Scenario, World

MOST_TURNS = 1000
"""Whoever is due so often without an end goes round in circles."""

MOST_ERRORS = 20
"""A fault that goes on for longer than it lasts."""


class Place(NamedTuple):
    """Where the processes of one life keep what must survive them."""

    url: str
    open: Callable[[], Database]
    is_shared: bool = False
    """The same database object is there for all processes: a crash does not close it."""


class Ended(NamedTuple):
    """How an execution stands at the end."""

    status: str
    output: str
    error: str | None
    runs: frozenset[Entry]


class Outcome(NamedTuple):
    """What a life came to."""

    ended: dict[ExecutionId, Ended]
    ledger: Ledger
    calls: int
    """The store calls of the first process."""
    errors: list[str]
    """The codes of the errors that were raised to the caller."""

    def effects(self) -> dict[str, int]:
        """How often each key was used."""
        return {effect.key: effect.calls for effect in self.ledger}


def live(
    scenario: Scenario,
    place: Place,
    *faults: Fault,
    durability: Durability = "each_node",
    look: Callable[[Invocation], None] | None = None,
) -> Outcome:
    """Take every step, whatever happens in between, and then let the time pass until nothing is left to do.

    ``look`` is shown every call before it is made.
    """
    return _Life(scenario, place, durability, look).through(faults)


class _Life:
    def __init__(
        self, scenario: Scenario, place: Place, durability: Durability, look: Callable[[Invocation], None] | None
    ) -> None:
        self.look = look
        self.scenario = scenario
        self.place = place
        self.durability = durability
        self.clock = FakeClock(jumps=True)
        self.ids = CountedIds()
        self.ledger = Ledger()
        self.errors: list[str] = []
        self.is_disturbed = False
        self.owned: list[Any] = []

    def through(self, faults: tuple[Fault, ...]) -> Outcome:
        todo = [self._publish, *(self._step(step) for step in self.scenario.steps), self._to_the_end]
        self.is_disturbed = bool(faults)
        calls = 0
        while todo:
            with self._process(faults) as (world, database):
                faults = ()
                while todo:
                    if self._survives(todo[0], world):
                        todo.pop(0)
                calls = calls or database.calls
                assert not world.engine.keeper.held, "something is held in memory, and rests"
        return Outcome(self._look(), self.ledger, calls, self.errors)

    # ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────

    @contextmanager
    def _process(self, faults: tuple[Fault, ...]) -> Iterator[tuple[World, FaultyDatabase]]:
        """A process that goes on with what is there. If it is killed, its leases are void from there."""
        database = FaultyDatabase(self.place.open(), *faults, closes=not self.place.is_shared, hears=False)
        try:
            with ExitStack() as stack:
                stack.callback(database.close)
                void_leases(database.database)
                engine = self._engine(database)
                stack.callback(engine.leave)
                yield World(engine, self.clock), database
        except Killed:
            self._sound()

    def _engine(self, database: Database) -> Engine:
        runtime = LocalRuntime(CATALOG, clock=self.clock, ids=self.ids, interceptors=[self._note])
        return Engine(
            self.place.url,
            runtime=runtime,
            database=database,
            durability=self.durability,
            lease=timedelta(days=1),
            base_url="https://example.org",
        )

    def _note(self, invocation: Invocation) -> None:
        if self.look is not None:
            self.look(invocation)
        self.ledger.called(invocation)

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────────────

    def _survives(self, act: Callable[[World], None], world: World) -> bool:
        """Whether it is done. An error of the store is told to the caller, who tries again."""
        try:
            act(world)
        except StorageError as error:
            if len(self.errors) == MOST_ERRORS:
                raise AssertionError("whoever tries again gets the same error for ever") from error
            self.errors.append(error.code)
            self.clock.advance(milliseconds=1)
            return False
        return True

    def _publish(self, world: World) -> None:
        for workflow in self.scenario.workflows:
            world.engine.publish(workflow)

    def _step(self, step: Callable[[World], bool]) -> Callable[[World], None]:
        def act(world: World) -> None:
            settle(world)
            assert step(world) or self.is_disturbed, "a step of the undisturbed life had nothing to do"
            settle(world)
            if not self.is_disturbed:
                self._sound()

        return act

    def _to_the_end(self, world: World) -> None:
        """Let the time pass."""
        for _ in range(MOST_TURNS):
            settle(world)
            due = world.engine.database.transact(leases.next_due, reads=True)
            if due is None:
                return
            self.clock.advance_to(due)
        raise AssertionError("there is always something due")

    # ── what is left ──────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> dict[ExecutionId, Ended]:
        """The store is sound, and nothing in it is held by anybody."""
        executions = self._sound()
        assert not self.owned, f"{self.owned} still have an owner"
        return {execution.id: _ended(execution) for execution in executions}

    def _sound(self) -> list[Execution]:
        """What holds in every store holds in this one."""
        database = self.place.open()
        with ExitStack() as stack:
            if not self.place.is_shared:
                stack.callback(database.close)
            engine = self._engine(FaultyDatabase(database, hears=False))
            stack.callback(engine.leave)
            executions = check_store(engine)
            self.owned = database.transact(_owned, reads=True)
        return executions


def settle(world: World) -> None:
    """Drive all that is due now."""
    for _ in range(MOST_TURNS):
        driven = world.engine.wake_due()
        due = world.engine.database.transact(leases.next_due, reads=True)
        if not driven and (due is None or due > world.clock.now()):
            return
    raise AssertionError("something is always due, and nobody drives it")


def _ended(execution: Execution) -> Ended:
    code = None if execution.error is None else execution.error.code
    return Ended(execution.status, without_counts(execution.output), code, frozenset(entries_of(execution)))


def void_leases(database: Database) -> None:
    """Whoever has said that he lives has not said so for too long."""
    database.learn({"leases.void": "UPDATE holder SET until = 0"})
    database.transact(_voided)


def _voided() -> Operation[Any]:
    return (yield Statement("leases.void"))


def _owned() -> Operation[list[Any]]:
    rows: list[Any] = (yield Statement("invariants.owned")).rows
    return rows


def unlike(calm: Outcome, other: Outcome) -> Iterator[str]:
    """In what two lives differ that must not."""
    for execution_id in calm.ended.keys() | other.ended.keys():
        was, is_now = calm.ended.get(execution_id), other.ended.get(execution_id)
        if was is None or is_now is None:
            yield f"{execution_id!r} is {is_now} instead of {was}"
        elif was != is_now:
            yield f"{execution_id!r} is {is_now[:3]} instead of {was[:3]}"
            more, less = is_now.runs - was.runs, was.runs - is_now.runs
            yield f"its runs are {sorted(map(str, more))} instead of {sorted(map(str, less))}"
    if keys := calm.ledger.keys() ^ other.ledger.keys():
        yield f"{len(keys)} effects are missing, or have other keys"


def calls_of(outcome: Outcome, node_key: str) -> int:
    """How often a node was called, all processes taken together."""
    return sum(effect.calls for effect in outcome.ledger.of(node_key))
