"""Worker processes that can be stopped, continued and killed: forked from a clean server, so that each begins fast."""

from __future__ import annotations

import multiprocessing
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from prana_py.engine.engine import Engine
from prana_py.engine.keeper import Durability
from prana_py.engine.worker import Worker
from prana_py.runtimes.local import LocalRuntime
from tests.workers.population import Ledger, nodes_with

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.workers.processes"])


class Place(NamedTuple):
    """Where processes meet: a store, and a ledger."""

    folder: Path

    @property
    def address(self) -> str:
        return f"sqlite:///{self.folder / 'store.db'}"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def open(self, *, max_concurrency: int = 1, durability: Durability = "each_node") -> Engine:
        """An engine of this process that knows the population's nodes."""
        nodes = nodes_with(Ledger(self.ledger))
        runtime = LocalRuntime(max_concurrency=max_concurrency)
        return Engine(self.address, nodes=nodes, runtime=runtime, durability=durability)


class Manner(NamedTuple):
    """How a worker process works; nothing of it may change what comes out."""

    max_concurrency: int = 1
    durability: Durability = "each_node"
    concurrency: int = 4


def work(place: Place, manner: Manner) -> None:
    """What a worker process does until it is killed."""
    engine = place.open(max_concurrency=manner.max_concurrency, durability=manner.durability)
    Worker(engine, concurrency=manner.concurrency).run()


def start_worker(place: Place, manner: Manner) -> BaseProcess:
    """A worker in a process of its own."""
    process = CONTEXT.Process(target=work, args=(place, manner), daemon=True)
    process.start()
    return process
