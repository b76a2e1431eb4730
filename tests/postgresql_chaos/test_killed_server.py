"""A server that is killed under load, again and again, loses nothing and doubles nothing; workers come back to it."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import psycopg

from tests.postgresql_chaos.conftest import StartWorker
from tests.postgresql_chaos.load import Load
from tests.postgresql_chaos.machine import Machine

IS_LONG = bool(os.environ.get("PRANA_LONG_TESTS"))

KILLS = 100 if IS_LONG else 4

LEAST_SESSIONS = 2000 if IS_LONG else 60
"""How many are ended."""

LEASE_S = 2
"""Some leases are over before the server is there again: others then go on, and the holder finds that he has lost."""


def test_a_server_that_is_killed_under_load_loses_and_doubles_nothing(
    machine: Machine, start_worker: StartWorker, ledger: Path
):
    load = Load.on(machine.url(), ledger)
    with closing(load.engine):
        workers = [start_worker(machine.url(), LEASE_S) for _ in range(2)]

        for kill in range(KILLS):
            load.submit(14)
            load.wait_for_one(of_the_last=14)
            machine.kill(with_sessions=bool(kill % 2))
            machine.start()
        load.wait_for_all()

        executions = load.count()
        assert all(worker.poll() is None for worker in workers)
    print(f"{KILLS} kills, {executions} executions, 0 lost, 0 doubled")


def test_sessions_that_are_ended_at_any_moment_lose_and_double_nothing(
    url: str, start_worker: StartWorker, ledger: Path
):
    load = Load.on(url, ledger)
    ended = 0
    with closing(load.engine), psycopg.connect(url, autocommit=True) as administrator:
        workers = [start_worker(url, LEASE_S) for _ in range(2)]

        while ended < LEAST_SESSIONS:
            load.submit(1)
            ended += end_sessions(administrator, 0.2)
        load.wait_for_all()

        executions = load.count()
        assert all(worker.poll() is None for worker in workers)
    print(f"{ended} sessions, {executions} executions, 0 lost, 0 doubled")


def end_sessions(administrator: psycopg.Connection, part: float) -> int:
    """End some of the sessions with this database, those that listen among them. How many."""
    query = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < %s
    """
    return administrator.execute(query, (part,)).rowcount
