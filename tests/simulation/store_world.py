"""Several engines on one store, in an order that a seed decides, with crashes, faults, and clocks that are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any, Final, NamedTuple

from prana_py import StorageError, TransitionError
from prana_py.driver.invocation import idempotency_key
from prana_py.engine.keeper import Durability
from prana_py.execution.execution import Execution
from prana_py.execution.rows import AttemptFailed, CancelRequested, Resumed, Settled, SignalKept
from prana_py.identifiers import ExecutionId, Instant
from prana_py.stores import leases, migrations, workflows
from prana_py.stores.records import Claimed
from prana_py.stores.sqlite import SqliteDatabase
from prana_py.stores.statements import Operation, Statement
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.crashing import FAILURES, KILLS, Fault, Kind
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.store_invariants import check_store
from tests.simulation.random_nodes import RANDOM_CATALOG
from tests.simulation.store_engines import Effects, SimulatedEngine, SkewedClock, Task, Time
from tests.simulation.store_workflows import Pair

ROOT: Final = "root"
SECOND: Final = 1_000_000_000
HOUR: Final = 3600 * SECOND

MOST_STEPS: Final = 20_000
"""Whoever goes on for longer goes round in circles."""

MOST_DEATHS: Final = 4
"""One that brings down its drivers more often at one place is put into quarantine, and rightly so."""

ENGINES_OWN: Final = {"guard", "sub_workflow", "mutex"}
"""A guard may never come to hold, and then the parent waits with its child, and whoever is next in line."""

OF_THE_STORE: Final = {"store_busy", "store_full", "store_unavailable", "commit_unknown"}

_SQL: Final = {
    **{
        f"world.empty.{table}": f"DELETE FROM {table}"
        for table in (
            *("workflow", "execution", "journal", "wait", "inbox", "delivery", "holder", "mutex", "schedule"),
            *("blob", "blob_use", "sqlite_sequence"),
        )
    },
    "world.waits": """
        SELECT e.id, w.wait_id FROM wait AS w JOIN execution AS e ON e.number = w.execution
        WHERE w.kind = 'webhook' ORDER BY w.execution, w.wait_id
    """,
    "world.owned": "SELECT id, owner FROM execution WHERE owner IS NOT NULL",
    "world.quarantined": "SELECT id, quarantine FROM execution WHERE quarantine IS NOT NULL",
    "world.void": "UPDATE holder SET until = 0 WHERE id = ?",
}


class Plan(NamedTuple):
    """What may happen in a world."""

    engines: int
    verbs: int
    steps: int
    fault_chance: float
    is_asked: bool
    """Somebody resumes, signals and cancels."""
    is_punctual: bool
    """Clocks are right, and go forward."""


class Said(NamedTuple):
    """Something that was asked, and what was answered."""

    what: str
    execution_id: ExecutionId
    data: Any = None


class World:
    """One store, and everybody who uses it."""

    def __init__(self, pair: Pair, random: Random, plan: Plan) -> None:
        self.pair = pair
        self.random = random
        self.plan = plan
        self.database = empty_store()
        self.time = Time(FakeClock().now())
        self.ids = CountedIds()
        self.effects: Effects = Counter()
        self.engines: list[SimulatedEngine] = []
        self.made = 0
        self.void_later: list[str] = []
        self.deaths = 0
        self.lost: set[str] = set()
        """Engines that have lost their leases while they lived."""
        self.faults = 0
        self.verbs = plan.verbs
        self.known: list[ExecutionId] = []
        self.acknowledged: list[Said] = []
        self.sent = 0
        self.errors: list[str] = []
        self.is_calm = False
        self.steps = 0

    def live(self) -> list[Execution]:
        """Everything that happens; and then all that is left is driven to its end."""
        self.database.transact(self._published)
        for _ in range(self.plan.engines):
            self._new_engine()
        for _ in range(self.plan.steps):
            self._step()
        self.is_calm = True
        for one in self.engines:
            one.wire.faults = ()
        self._come_to_rest()
        return self._look()

    def _published(self) -> Operation[None]:
        for workflow, graph, text in zip(*self.pair[:3], strict=True):
            yield from workflows.publish(
                workflow.id, workflow.name, 1, graph.digest, partial(_text, text), self.time.now
            )

    def close(self) -> None:
        """Nobody is there any more."""
        for engine in self.engines:
            engine.die()

    # ── engines ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _new_engine(self) -> SimulatedEngine:
        self.made += 1
        name = f"engine {self.made}"
        durability: Durability = self.random.choice(("each_node", "each_node", "batched", "boundaries"))
        skew = 0 if self.plan.is_punctual else self.random.randint(-60, 60) * SECOND
        engine = SimulatedEngine(
            name,
            self.database,
            self.effects,
            SkewedClock(self.time, skew),
            RANDOM_CATALOG,
            durability=durability,
            graphs=self.pair.cache,
            ids=self.ids,
            max_concurrency=self.random.choice((1, 1, 2, 4)),
        )
        engine.keeper.workers = self.random.choice((0, 0, 1))
        self.database.transact(lambda: leases.renew(name, "", 24 * HOUR))
        self.engines.append(engine)
        return engine

    def _ask(self, engine: SimulatedEngine, verb: Callable[..., Any], *arguments: Any, **options: Any) -> Task:
        task: Task = verb(*arguments, **options)
        task.then = self._heard_errors(engine)
        return task

    def _heard_errors(
        self, engine: SimulatedEngine, said: Said | None = None, then: Callable[[Any], None] | None = None
    ) -> Callable[[Any, Exception | None], None]:
        """What becomes of whoever asked: errors are such as may be, and what was acknowledged is remembered."""

        def hear(value: Any, error: Exception | None) -> None:
            if error is not None:
                self._check_error(engine, error)
                return
            if said is not None:
                self.acknowledged.append(said)
            if then is not None:
                then(value)

        return hear

    def _check_error(self, engine: SimulatedEngine, error: Exception) -> None:
        code = getattr(error, "code", "")
        self.errors.append(code)
        if isinstance(error, TransitionError) or code == "execution_not_found":
            return
        if isinstance(error, StorageError):
            if code in OF_THE_STORE and self.faults:
                return
            if code == "lease_lost" and engine.id in self.lost:
                return
        raise error

    def _bury(self, engine: SimulatedEngine) -> None:
        """An engine has died. Its lease ends now, or later."""
        self.engines.remove(engine)
        if self.random.random() < 0.5:
            self._void(engine.id)
        else:
            self.void_later.append(engine.id)
        if not self.engines or self.random.random() < 0.7:
            self._new_engine()

    def _void(self, name: str) -> None:
        self.database.transact(lambda: _say("world.void", name))

    # ── one step ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self) -> None:
        chance = self.random.random()
        if chance < 0.1 and self.verbs:
            self._begin_something()
        elif chance < 0.13:
            self._pass_time()
        elif chance < 0.2:
            self._disturb()
        elif not self._go_on():
            if self.verbs:
                self._begin_something()
            else:
                self._pass_time()

    def _go_on(self) -> bool:
        """One of all programs goes on, one of all calls ends, or one piece of news arrives."""
        self.steps += 1
        assert self.steps < MOST_STEPS, "it goes on and on"
        moves = list(self._moves())
        if not moves:
            return False
        engine, move = moves[self.random.randrange(len(moves))] if len(moves) > 1 else moves[0]
        if not self.is_calm and isinstance(move, Task) and move.call is not None:
            self._tempt(engine)
        if isinstance(move, Task):
            engine.process.go_on(move)
        elif isinstance(move, int):
            engine.wire.hear(move)
        else:
            engine.process.happen(move)
        if engine.is_dead:
            self._bury(engine)
        return True

    def _moves(self) -> Iterator[tuple[SimulatedEngine, Any]]:
        for engine in self.engines:
            for task in engine.process.tasks_to_go_on():
                yield engine, task
            for event in engine.process.events_to_happen():
                yield engine, event
            for place in range(min(2, len(engine.wire.news))):
                yield engine, place

    def _tempt(self, engine: SimulatedEngine) -> None:
        """The next call may fail, or end its process."""
        wire = engine.wire
        if self.random.random() >= self.plan.fault_chance:
            return
        kinds: tuple[Kind, ...] = FAILURES
        if self.deaths < MOST_DEATHS and self.random.random() < 0.3:
            kinds = KILLS
            self.deaths += 1
        self.faults += 1
        wire.faults = (Fault(wire.calls + 1, self.random.choice(kinds), self.random.choice((1, 1, 1, 2, 4))),)

    def _pass_time(self) -> None:
        due = self.database.transact(leases.next_due, reads=True)
        chance = self.random.random()
        if chance < 0.6 and due is not None:
            self.time.now = max(self.time.now, Instant(due + self.random.choice((-1, 0, 1, SECOND))))
        elif chance < 0.9 or self.plan.is_punctual:
            self.time.now = Instant(self.time.now + self.random.randint(1, 2 * HOUR))
        else:
            self.time.now = Instant(self.time.now - self.random.randint(1, HOUR))

    def _disturb(self) -> None:
        """Leases end, hearts beat, callers give up, processes die between two calls."""
        engine = self.random.choice(self.engines)
        chance = self.random.random()
        if self.void_later and chance < 0.4:
            self._void(self.void_later.pop())
        elif chance < 0.6:
            self._beat(engine)
        elif self.deaths >= MOST_DEATHS or not self.plan.fault_chance:
            return
        elif chance < 0.75:
            self.deaths += 1
            self.lost.add(engine.id)
            self._void(engine.id)
        elif chance < 0.85:
            self._break_off(engine)
        else:
            self.deaths += 1
            engine.die()
            self._bury(engine)

    def _beat(self, engine: SimulatedEngine) -> None:
        """It says that it lives, and gives back what it could not give back."""
        self.database.transact(lambda: leases.renew(engine.id, "", 24 * HOUR))
        engine.process.begin(engine.keeper.give_back_strays())

    def _break_off(self, engine: SimulatedEngine) -> None:
        """Somebody presses Ctrl-C: what the thread has held is given back."""
        tasks = [task for task in engine.process.tasks_to_go_on() if task.parent is None and task.has_begun]
        if tasks:
            task = self.random.choice(tasks)
            engine.process.break_off(task)
            engine.process.begin(engine.operations.give_back_all_of(task))

    # ── what is asked ─────────────────────────────────────────────────────────────────────────────────────────────

    def _begin_something(self) -> None:
        self.verbs -= 1
        engine = self.random.choice(self.engines)
        if not self.known:
            self._start(engine, ROOT, "main")
            return
        verbs = [self._start_another, self._wake_due, self._wake_due, self._work]
        if self.plan.is_asked:
            verbs += [self._resume, self._resume, self._resume, self._signal, self._cancel]
        self.random.choice(verbs)(engine)

    def _start_another(self, engine: SimulatedEngine) -> None:
        if self.random.random() < 0.4:  # the same again
            place = self.random.randrange(len(self.known))
            self._start(engine, self.known[place], "main" if place % 2 == 0 else "child")
        elif len(self.known) < 3:
            self._start(engine, f"other {len(self.known)}", "main" if len(self.known) % 2 == 0 else "child")
        else:
            self._wake_due(engine)

    def _start(self, engine: SimulatedEngine, execution_id: ExecutionId, workflow: str) -> None:
        if execution_id not in self.known:
            self.known.append(execution_id)
        verb = self.random.choice((engine.start, engine.submit))
        task = self._ask(engine, verb, workflow, 0, execution_id=execution_id, idempotency_key=execution_id)
        task.then = self._heard_errors(engine, Said("start", execution_id))

    def _wake_due(self, engine: SimulatedEngine) -> None:
        self._ask(engine, engine.wake_due, self.random.randint(1, 3))

    def _work(self, engine: SimulatedEngine) -> None:
        """What a worker does: it claims in one thread, and drives in others."""

        def drive(claims: list[Claimed]) -> None:
            for claimed in claims:
                task = engine.process.begin(engine.operations.drive_claimed(claimed))
                task.then = self._heard_errors(engine)

        task = engine.process.begin(engine.operations.claim_due(engine.runtime.clock.now(), 2))
        task.then = self._heard_errors(engine, then=drive)

    def _resume(self, engine: SimulatedEngine) -> None:
        waits = self.database.transact(lambda: _say("world.waits"), reads=True)
        if not waits:
            self._wake_due(engine)
            return
        execution_id, wait_id = self.random.choice(waits)
        self.sent += 1
        said = Said("resume", execution_id, f"resumed {self.sent}")
        delivery_id = self.random.choice((None, said.data))
        ways = [engine]
        if delivery_id is not None and self.random.random() < 0.5:  # it is delivered twice
            ways.append(self.random.choice(self.engines))
        for way in ways:
            task = self._ask(way, way.resume, execution_id, said.data, wait_id=wait_id, delivery_id=delivery_id)
            task.then = self._heard_errors(way, said)

    def _signal(self, engine: SimulatedEngine) -> None:
        self.sent += 1
        said = Said("signal", self.random.choice(self.known), f"signal {self.sent}")
        options = {"delivery_id": said.data} if self.random.random() < 0.5 else {}
        task = self._ask(engine, engine.signal, said.execution_id, "go", said.data, **options)
        task.then = self._heard_errors(engine, said)

    def _cancel(self, engine: SimulatedEngine) -> None:
        if self.random.random() < 0.7:
            self._resume(engine)
            return
        said = Said("cancel", self.random.choice(self.known))
        task = self._ask(engine, engine.cancel, said.execution_id)
        task.then = self._heard_errors(engine, said)

    # ── to the end ────────────────────────────────────────────────────────────────────────────────────────────────

    def _finish(self) -> None:
        """Everything that is under way goes on to its end."""
        while self._go_on() or self._next_timer():
            pass

    def _next_timer(self) -> bool:
        """Let the time pass for whoever waits for it in a program."""
        timers = [(due - engine.runtime.clock.now()) for engine in self.engines if (due := engine.process.next_timer())]
        if not timers:
            return False
        self.time.now = Instant(self.time.now + max(1, min(timers)))
        return True

    def _come_to_rest(self) -> None:
        """All engines end, one way or another; a fresh one drives what is left."""
        if self.random.random() < 0.5:
            self._end_politely()
        for engine in self.engines:
            engine.die()
            self.void_later.append(engine.id)
        self.engines.clear()
        for name in self.void_later:
            self._void(name)
        engine = self._new_engine()
        engine.runtime.clock = SkewedClock(self.time, 0)
        self._drive_to_rest(engine)

    def _end_politely(self) -> None:
        self._finish()
        for engine in (*self.engines, *self.engines):
            self._beat(engine)
            while self._go_on():
                pass
        for engine in self.engines:
            assert engine.process.is_idle, "something waits for ever"
            assert not engine.keeper.held, f"{list(engine.keeper.held)} are held in memory, and nobody drives them"
        living = {engine.id for engine in self.engines}
        owned = [row for row in self.database.transact(lambda: _say("world.owned"), reads=True) if row[1] in living]
        assert not owned, f"{owned} have owners who do nothing"

    def _drive_to_rest(self, engine: SimulatedEngine) -> None:
        for _ in range(1000):
            self._ask(engine, engine.wake_due, 2)
            self._finish()
            due = self.database.transact(leases.next_due, reads=True)
            if due is None:
                owned = self.database.transact(lambda: _say("world.owned"), reads=True)
                if not owned:
                    return
            else:
                self.time.now = max(self.time.now, due)
        raise AssertionError("there is always something due")

    # ── what is left ──────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self) -> list[Execution]:
        quarantined = self.database.transact(lambda: _say("world.quarantined"), reads=True)
        assert not quarantined, f"in quarantine: {quarantined}"
        executions = check_store(self.engines[0])
        by_id = {execution.id: execution for execution in executions}
        for execution in executions:
            self._check_end(execution)
            self._check_effects(execution)
        for said in self.acknowledged:
            assert said.execution_id in by_id, f"{said} was acknowledged, and there is no such execution"
            _check_kept(said, by_id[said.execution_id])
        for execution in executions:
            _check_once(execution)
        return executions

    def _check_end(self, execution: Execution) -> None:
        waits = {suspension.type for suspension in execution.suspensions.values()}
        assert execution.is_final or (waits and waits <= ENGINES_OWN), (
            f"{execution.id!r} is {execution.status} and waits for {waits}"
        )

    def _check_effects(self, execution: Execution) -> None:
        """What has settled was called; and what may be called once only was."""
        graph, seed = execution.execution_graph, execution.identity.key_seed
        for row in execution.history():
            if not isinstance(row, Settled | AttemptFailed):
                continue
            key = idempotency_key(seed, row.scope, row.node, row.run)
            calls = [self.effects[key, row.attempt, call] for call in ("execute", "resume")]
            assert any(calls) or row.error is not None, f"{row} has settled, and was never called"
            if graph.vertex(row.node).settings.delivery == "at_most_once":
                assert max(calls) <= 1, f"attempt {row.attempt} of {row.node!r} was called {calls} times"


def _check_kept(said: Said, execution: Execution) -> None:
    """What was acknowledged has come to pass."""
    rows = execution.history()
    match said.what:
        case "resume":
            found = any(isinstance(row, Resumed) and row.data == said.data for row in rows)
        case "signal":
            found = any(isinstance(row, Resumed | SignalKept) and row.data == said.data for row in rows)
        case "cancel":
            found = execution.is_final or any(isinstance(row, CancelRequested) for row in rows)
        case _:
            found = True
    assert found, f"{said} was acknowledged, and {execution.id!r} knows nothing of it"


def _check_once(execution: Execution) -> None:
    """What was said once was heard once at most."""
    told = Counter(
        row.data for row in execution.history() if isinstance(row, Resumed | SignalKept) and isinstance(row.data, str)
    )
    twice = [data for data, count in told.items() if count > 1]
    assert not twice, f"{execution.id!r} has heard {twice} more than once"


def empty_store() -> SqliteDatabase:
    """The store of this process, with nothing in it."""
    database = _STORES[0] if _STORES else _made()
    database.transact(_empty)
    return database


_STORES: list[SqliteDatabase] = []


def _made() -> SqliteDatabase:
    database = SqliteDatabase()
    migrations.migrate(database)
    database.learn(_SQL)
    _STORES.append(database)
    return database


def _empty() -> Operation[None]:
    for name in _SQL:
        if name.startswith("world.empty"):
            yield Statement(name)


def _text(text: str, version: int) -> str:
    return text


def _say(name: str, *parameters: Any) -> Operation[list[Any]]:
    rows: list[Any] = (yield Statement(name, parameters)).rows
    return rows
