"""A load of executions: submitted by one engine, driven by workers wherever they are, and counted at the end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import TypeVar

from prana_py import LocalRuntime, StorageError
from prana_py.engine.engine import Engine
from tests.postgresql_chaos.population import NODES, STARTED, all_is_well, workflows

SOON = timedelta(minutes=2)

MOST_TRIES = 100

Value = TypeVar("Value")


class Load:
    """What was submitted."""

    def __init__(self, engine: Engine, ledger: Path, seed: int) -> None:
        self.engine = engine
        self.random = Random(seed)
        self._ledger = ledger
        self._started: list[str] = []
        for workflow in workflows():
            engine.publish(workflow)

    @classmethod
    def on(cls, url: str, ledger: Path, seed: int = 12) -> Load:
        """On a database, through an engine of its own, which is to be closed."""
        return cls(Engine(url, nodes=NODES, runtime=LocalRuntime()), ledger, seed)

    def submit(self, count: int) -> None:
        """So many more, of all kinds."""
        for number in range(len(self._started), len(self._started) + count):
            workflow, key = STARTED[number % len(STARTED)], f"{number}"
            self._started.append(persistent(partial(self._submit, workflow, key)))

    def _submit(self, workflow: str, key: str) -> str:
        return self.engine.submit(workflow, key, execution_id=f"{workflow}-{key}", idempotency_key=key)

    def wait_for_one(self, of_the_last: int) -> None:
        """Until one of them has ended: so much later that workers are at any point of their work."""
        self._wait_for(self._started[-self.random.randint(1, of_the_last)])

    def wait_for_all(self) -> None:
        """Until workers have brought all to their ends."""
        for execution_id in self._started:
            self._wait_for(execution_id)

    def _wait_for(self, execution_id: str) -> None:
        assert persistent(lambda: self.engine.wait_for(execution_id, SOON).is_final)

    def count(self) -> int:
        """How many executions there are, children too; nothing was lost, and nothing doubled."""
        return len(all_is_well(self.engine, self._ledger, len(self._started)))


def persistent(ask: Callable[[], Value]) -> Value:
    """As a careful user: whoever is told that the store is not there tries again."""
    for left in reversed(range(MOST_TRIES)):
        try:
            return ask()
        except StorageError:
            if not left:
                raise
    raise AssertionError
