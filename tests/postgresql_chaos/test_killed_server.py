"""A server that is killed under load, again and again, loses nothing and doubles nothing; workers come back to it."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import TypeVar

from prana_py import LocalRuntime, StorageError
from prana_py.engine.engine import Engine
from tests.postgresql_chaos.conftest import StartWorker
from tests.postgresql_chaos.machine import Machine
from tests.postgresql_chaos.population import NODES, STARTED, all_is_well, workflows

KILLS = 100 if os.environ.get("PRANA_LONG_TESTS") else 5

LEASE_S = 2
"""Some leases are over before the server is there again: others then go on, and the holder finds that he has lost."""

STARTS_BETWEEN = 14
"""Executions that are submitted between two kills."""

SOON = timedelta(minutes=1)

MOST_TRIES = 100

Value = TypeVar("Value")


def persistent(ask: Callable[[], Value]) -> Value:
    """As a careful user: whoever is told that the store is not there tries again."""
    for left in reversed(range(MOST_TRIES)):
        try:
            return ask()
        except StorageError:
            if not left:
                raise
    raise AssertionError


def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(
    machine: Machine, start_worker: StartWorker, ledger: Path
):
    random = Random(12)
    with Engine(machine.url(), nodes=NODES, runtime=LocalRuntime()) as engine:
        for workflow in workflows():
            engine.publish(workflow)
        workers = [start_worker(machine.url(), LEASE_S) for _ in range(2)]
        started: list[str] = []

        for kill in range(KILLS):
            for _ in range(STARTS_BETWEEN):
                submit(engine, started)
            # So much later that the workers are at any point of their work.
            wait_for_end(engine, started[-random.randint(1, STARTS_BETWEEN)])
            machine.kill(with_sessions=bool(kill % 2))
            machine.start()
        for execution_id in started:
            wait_for_end(engine, execution_id)

        executions = all_is_well(engine, ledger, len(started))
        assert all(worker.poll() is None for worker in workers)
    print(f"{KILLS} kills, {len(executions)} executions, 0 lost, 0 doubled")


def submit(engine: Engine, started: list[str]) -> None:
    key = f"{len(started)}"
    workflow = STARTED[len(started) % len(STARTED)]
    id_ = f"{workflow}-{key}"
    started.append(persistent(lambda: engine.submit(workflow, key, execution_id=id_, idempotency_key=key)))


def wait_for_end(engine: Engine, execution_id: str) -> None:
    """Wait until workers have brought it there."""
    assert persistent(lambda: engine.wait_for(execution_id, SOON).is_final)
