"""A worker process whose long node ends when the test says so, and which tells what it does."""

from __future__ import annotations

from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from threading import Event, Lock, Thread
from traceback import format_exc
from typing import Any

from prana_py import NodeContext, WorkflowBuilder, node, wait_for_interval, wait_for_signal, wait_for_webhook
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.model.workflow import Workflow
from prana_py.runtimes.local import LocalRuntime
from prana_py.stores.failures import Fenced
from prana_py.stores.opening import open_database
from prana_py.stores.places import place_of
from prana_py.stores.statements import MakeOperation
from tests.workers.population import Ledger, nodes_with
from tests.workers.processes import CONTEXT, Place

PATIENCE_S = 60


class CountingDatabase:
    """A database that counts how often a writer without a lease was refused."""

    def __init__(self, address: str) -> None:
        self._database = open_database(place_of(address))
        self.refused = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def transact(self, make: MakeOperation[Any], *, reads: bool = False, single: bool = False) -> Any:
        try:
            return self._database.transact(make, reads=reads, single=single)
        except Fenced:
            self.refused += 1
            raise


class Told:
    """What a process tells the test, one message after another, from any of its threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = Lock()

    def __call__(self, message: Any) -> None:
        with self._lock:
            self._connection.send(message)


def gated_nodes(ledger: Ledger, tell: Any, opened: Event) -> list[Any]:
    """The nodes of the population, and those that tell and wait."""

    @node
    def gate(ctx: NodeContext, input: Any) -> str:
        ledger.note(ctx.idempotency_key)
        tell("gate")
        assert opened.wait(PATIENCE_S)
        return ctx.idempotency_key

    @node
    def after(ctx: NodeContext, input: Any) -> Any:
        ledger.note(ctx.idempotency_key)
        tell("after")
        return input

    @node
    def ask(input: Any) -> Any:
        return wait_for_webhook()

    @node
    def listen(input: Any) -> Any:
        return wait_for_signal("go")

    @node
    def doze(input: Any) -> Any:
        return wait_for_interval("30ms")

    return [*nodes_with(ledger), gate, after, ask, listen, doze]


def open_engine(place: Place, tell: Any, opened: Event, max_concurrency: int = 1, database: Any = None) -> Engine:
    """An engine that knows these nodes."""
    runtime = LocalRuntime(max_concurrency=max_concurrency)
    nodes = gated_nodes(Ledger(place.ledger), tell, opened)
    return Engine(place.address, nodes=nodes, runtime=runtime, database=database)


def open_quick(place: Place) -> Engine:
    """An engine whose gates are open, and who tells nobody anything."""
    opened = Event()
    opened.set()
    return open_engine(place, lambda _: None, opened)


def _stand(place: Place, connection: Connection, max_concurrency: int, concurrency: int) -> None:
    opened = Event()

    def listen() -> None:
        connection.recv()
        opened.set()

    Thread(target=listen, daemon=True).start()
    try:
        database = CountingDatabase(place.address)
        with open_engine(place, Told(connection), opened, max_concurrency, database) as engine:
            Worker(engine, concurrency=concurrency).run_until_idle()
        connection.send(database.refused)
    except BaseException:
        connection.send(format_exc())
        raise


class Standing:
    """Such a process, as the test sees it."""

    def __init__(self, place: Place, *, max_concurrency: int, concurrency: int) -> None:
        self._mine, theirs = CONTEXT.Pipe()
        self.process: BaseProcess = CONTEXT.Process(
            target=_stand, args=(place, theirs, max_concurrency, concurrency), daemon=True
        )
        self.process.start()
        assert self.process.pid is not None
        self.pid: int = self.process.pid

    def next(self) -> Any:
        """What it tells next."""
        assert self._mine.poll(PATIENCE_S), "the process tells nothing any more"
        return self._mine.recv()

    def open(self) -> None:
        """Let the long nodes end."""
        self._mine.send("open")


def gated_flow() -> Workflow:
    """An effect, the long node, and another effect."""
    flow = WorkflowBuilder("gated")
    flow.add("effect", "before").then(flow.add("gate", "gate")).then(flow.add("effect", "end"))
    return flow.build()


def beside(waiting: str, **params: Any) -> Workflow:
    """A branch that waits, and beside it a branch with the long node; the waiting one comes first."""
    flow = WorkflowBuilder("beside")
    top = flow.add("effect", "top")
    top.then(flow.add(waiting, "wait", **params)).then(flow.add("after", "after"))
    top.then(flow.add("gate", "gate")).then(flow.add("effect", "end"))
    return flow.build()
