"""Engines whose programs go on one store call at a time, in one thread: whoever simulates says which is next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeAlias, TypeVar

from prana_py.driver.effects import Abandon, AwaitNews, ChildStart, Commit, Deliver, Done, Perform, ReadNews, Transact
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.program import Program
from prana_py.engine.keeper import Durability, Keeper
from prana_py.engine.verbs import EngineVerbs, Plain
from prana_py.identifiers import ExecutionId, Instant
from prana_py.runtimes.graph_cache import GraphCache
from prana_py.stores.database import Database
from prana_py.stores.places import MEMORY
from prana_py.stores.watchers import Watcher
from prana_py.testing.crashing import FaultyDatabase, Killed
from prana_py.testing.virtual import Event, Played, Strand, VirtualRuntime

Value = TypeVar("Value")

Effects: TypeAlias = "Counter[tuple[str, int, str]]"
"""How often was called what: by idempotency key, attempt, and whether it was executed or resumed."""


class Time:
    """The clock on the wall of the simulation."""

    def __init__(self, now: Instant) -> None:
        self.now = now


class SkewedClock:
    """One engine's own clock: it goes with the one on the wall, and is wrong by its skew."""

    def __init__(self, time: Time, skew_ns: int) -> None:
        self.time = time
        self.skew_ns = skew_ns

    def now(self) -> Instant:
        return Instant(self.time.now + self.skew_ns)

    def seconds_until(self, instant: Instant) -> float:
        return 0.0


class Wire(FaultyDatabase):
    """How one engine reaches the store. What it would hear of others waits until it is told."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, closes=False)
        self.news: list[ExecutionId | None] = []
        self.watchers: list[Watcher] = []

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        def note(execution_id: ExecutionId | None) -> None:
            if execution_id not in self.news:
                self.news.append(execution_id)

        self.watchers.append(watcher)
        return self.database.watch(note)

    def hear(self, place: int) -> None:
        """One piece of news arrives."""
        execution_id = self.news.pop(place)
        for watcher in self.watchers:
            watcher(execution_id)


class Task(Strand):
    """A program of an engine: a verb, or a child that is driven beside its parent."""

    def __init__(self, program: Program[Any], on_end: Callable[[Any], None]) -> None:
        super().__init__(program, on_end)
        self.call: Transact | None = None
        """The store call that is next."""
        self.error: Exception | None = None
        """What goes wrong next."""
        self.news: AwaitNews | None = None
        self.parent: Task | None = None
        self.has_begun = False
        self.then: Callable[[Any, Exception | None], None] = _nothing
        """Gets what comes of it: a value, or what was raised."""


class Process(VirtualRuntime):
    """The runtime of one engine. Its calls end when whoever simulates says so."""

    def __init__(self, engine: SimulatedEngine, effects: Effects, clock: Any, catalog: Any, **options: Any) -> None:
        super().__init__(catalog, clock=clock, **options)
        self.engine = engine
        self.effects = effects

    # ── what is under way ─────────────────────────────────────────────────────────────────────────────────────────

    def tasks_to_go_on(self) -> list[Task]:
        """Those that wait for nothing but their turn."""
        return [task for task in self._strands if isinstance(task, Task) and (not task.waits or self._is_told(task))]

    def events_to_happen(self) -> list[Event]:
        """Calls that may end now, and timers that have run out."""
        self._events = [event for event in self._events if not _is_void(event)]
        now = self.clock.now()
        return [event for event in self._events if event.done is not None or event.at <= now]

    def next_timer(self) -> Instant | None:
        """What the programs here wait for at the latest."""
        timers = [event.at for event in self._events if event.done is None and not _is_void(event)]
        timers += [task.news.until for task in self._strands if isinstance(task, Task) and task.news is not None]
        return min(timers, default=None)

    @property
    def is_idle(self) -> bool:
        """Nothing is under way."""
        return not self._strands

    def _is_told(self, task: Task) -> bool:
        news = task.news
        if news is None:
            return False
        return self.engine.news.is_new(news.execution_id, news.read) or self.clock.now() >= news.until

    # ── going on ──────────────────────────────────────────────────────────────────────────────────────────────────

    def happen(self, event: Event) -> None:
        """A call has ended, or a timer has run out: its program learns of it."""
        self._events.remove(event)
        strand = event.strand
        if event.done is not None:
            del strand.under_way[event.done.key]
            strand.done.append(event.done)
        self._wake(strand)

    def go_on(self, task: Task) -> None:
        """Let a program make its store call, and go on to the next one, or until it waits or has ended."""
        engine = self.engine
        engine.driver = task
        task.has_begun = True
        if task.news is not None:
            task.news, task.waits = None, False
        try:
            effect = self._answered(task)
            while type(effect) is not Transact:
                try:
                    reply = task.handlers[type(effect)](effect)
                except Exception as error:  # noqa: BLE001  # as the loops that perform programs do
                    effect = task.program.throw(error)
                    continue
                if task.waits:
                    return
                effect = task.program.send(reply)
            task.call = effect
        except StopIteration as stop:
            self._end(task, stop.value)
        except Killed:
            engine.die()
        except Exception as error:  # noqa: BLE001  # whoever has asked gets it
            self._fail(task, error)
        finally:
            engine.driver = None

    def _answered(self, task: Task) -> Any:
        """The next effect after what has come for a program."""
        call, task.call = task.call, None
        if call is not None:
            try:
                reply = self.engine.wire.transact(call.make, reads=call.reads, single=call.single)
            except Exception as error:  # noqa: BLE001  # as the loops that perform programs do
                task.error = error
            else:
                return task.program.send(reply)
        error_, task.error = task.error, None
        if error_ is not None:
            return task.program.throw(error_)
        reply, task.reply = task.reply, None
        return task.program.send(reply)

    def _fail(self, task: Task, error: Exception) -> None:
        self._strands.remove(task)
        self._know(task, None)
        parent = task.parent
        if parent is None:
            task.then(None, error)
        elif parent in self._strands:
            parent.error, parent.waits, parent.answers_to = error, False, None

    def break_off(self, task: Task) -> None:
        """Whoever has asked waits no longer, and what the program was about to do is not done."""
        for one in [strand for strand in self._strands if isinstance(strand, Task) and task in (strand, strand.parent)]:
            self._strands.remove(one)
            self._know(one, None)
            one.program.close()

    # ── effects ───────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, program: Program[Any]) -> Task:
        """A program that goes on when it is told to."""
        task = self._begin(program, lambda value: task.then(value, None))
        return task

    def _begin(self, program: Program[Any], on_end: Callable[[Any], None]) -> Task:
        task = Task(flattened(program, self.engine.keeper), on_end)
        task.handlers = {
            **self.handlers(),
            Invocation: lambda effect: self._answer(task, effect),
            Perform: lambda effect: self._perform(task, effect),
            ReadNews: lambda _: self.engine.news.count,
            AwaitNews: lambda effect: self._await_news(task, effect),
            Abandon: lambda effect: self._abandon(task, effect),
        }
        self._strands.append(task)
        return task

    def _await_news(self, task: Task, effect: AwaitNews) -> None:
        task.news = effect
        task.waits = True

    def _start_child(self, strand: Strand, start: ChildStart) -> None:
        super()._start_child(strand, start)
        child = self._strands[-1]
        assert isinstance(child, Task)
        assert isinstance(strand, Task)
        child.parent = strand

    def _plan(self, at: Instant, strand: Strand, done: Done | None) -> int:
        number = next(self._numbers)
        self._events.append(Event(at, 0, number, strand, done, strand.turn))
        return number

    def play(self, invocation: Invocation) -> Played:
        self.effects[invocation.idempotency_key, invocation.attempt, invocation.call] += 1
        return Played(self.outcome_of(invocation))

    def waits_in_grace(self, strand: Strand, key: Any) -> bool:
        return False

    def not_read(self, letter: Deliver) -> None:
        """It is still in the inbox."""

    def tell(self, event: LifecycleEvent) -> None:
        """Nobody listens."""


class SimulatedEngine(EngineVerbs, Plain):
    """An engine like any other, but for who lets its programs go on. A verb gives the task that performs it."""

    def __init__(
        self,
        name: str,
        database: Database,
        effects: Effects,
        clock: SkewedClock,
        catalog: Any,
        *,
        durability: Durability,
        graphs: GraphCache | None = None,
        **options: Any,
    ) -> None:
        self.driver: Task | None = None
        """The program that goes on just now."""
        self.wire = Wire(database)
        self.process = Process(self, effects, clock, catalog, **options)
        if graphs is not None:
            self.process.graph_cache = graphs
        super().__init__(
            MEMORY,
            self.process,
            (),
            plain=self.wire,
            durability=durability,
            environment=None,
            lease=timedelta(days=1),
            base_url="",
            current=lambda: self.driver,
        )
        self.id = self.keeper.holder_id = name
        self.is_dead = False

    def perform(self, make: Callable[[], Program[Value]], *, drives: bool) -> Any:
        """Begin a program; it goes on when it is told to."""
        return self.process.begin(make())

    def die(self) -> None:
        """The process is not there any more; what it has said in the store is."""
        self.is_dead = True
        self._unwatch()
        self.process.drop_everything()


def flattened(program: Program[Value], keeper: Keeper) -> Program[Value]:
    """The program with those of its effects met that are programs of the keeper; what is left are plain effects."""
    programs: Mapping[Any, Callable[[Any], Program[Any]]] = keeper.programs()
    reply: Any = None
    error: Exception | None = None
    try:
        while True:
            effect: Any = program.send(reply) if error is None else program.throw(error)
            error = None
            try:
                reply = yield from _met(effect, keeper, programs)
            except Exception as raised:  # noqa: BLE001  # as the loops that perform programs do
                error = raised
    except StopIteration as stop:
        value: Value = stop.value
        return value
    finally:
        program.close()


def _met(effect: Any, keeper: Keeper, programs: Mapping[Any, Callable[[Any], Program[Any]]]) -> Program[Any]:
    kind = type(effect)
    if kind is Commit:
        keeper.commit(effect)
        return None
    if kind in programs:
        return (yield from programs[kind](effect))
    if kind in (Invocation, Perform):
        held = keeper.due(effect.execution_id, (effect,) if kind is Invocation else effect.invocations)
        if held is not None:
            yield from keeper.flush(held)
    return (yield effect)


def _nothing(value: Any, error: Exception | None) -> None:
    """Nobody wants to know."""


def _is_void(event: Event) -> bool:
    if event.done is None:
        return event.turn != event.strand.turn
    return event.strand.under_way.get(event.done.key) != event.number
