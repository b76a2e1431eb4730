"""What one process commits wakes another at once; wakes that are lost, late or doubled change nothing."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import TypeVar

import psycopg
import pytest

from prana_py import LocalRuntime
from prana_py.engine.engine import Engine
from prana_py.engine.worker import Worker
from prana_py.identifiers import ExecutionId
from prana_py.stores.postgresql import PostgresqlDatabase
from prana_py.stores.statements import MakeOperation, Operation, Statement
from prana_py.stores.watchers import Watcher
from tests.postgresql_chaos.conftest import StartWorker
from tests.postgresql_chaos.load import Load
from tests.postgresql_chaos.population import NODES

DAY_S = 86_400.0
"""A lease of a day: nobody looks by himself before the test is long over."""

Value = TypeVar("Value")


def test_what_is_submitted_in_one_process_wakes_another(url: str, start_worker: StartWorker, ledger: Path):
    load = Load.on(url, ledger)
    with closing(load.engine):
        start_worker(url, DAY_S)
        for _ in range(5):
            load.submit(7)
            load.wait_for_all()
        load.count()


def test_a_worker_whose_listening_was_ended_listens_again(url: str, start_worker: StartWorker, ledger: Path):
    load = Load.on(url, ledger)
    with closing(load.engine), psycopg.connect(url, autocommit=True) as administrator:
        start_worker(url, DAY_S)
        for _ in range(3):
            ended = administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'LISTEN prana' AND datname = %s",
                (administrator.info.dbname,),
            )
            assert ended.rowcount
            # Submitted while nobody listens: whoever listens again is told that he may have missed something.
            load.submit(3)
            load.wait_for_all()
        load.count()


def test_wakes_that_are_lost_and_wakes_that_come_twice_change_nothing(url: str, ledger: Path):
    load = Load.on(url, ledger)
    unreliable = [Unreliable(PostgresqlDatabase(url), seed) for seed in range(2)]
    with ExitStack() as stack:
        stack.callback(load.engine.close)
        for database in unreliable:
            engine = Engine(url, nodes=NODES, runtime=LocalRuntime(), lease=timedelta(seconds=1), database=database)
            stack.enter_context(engine)
            stack.enter_context(Worker(engine, concurrency=3))
        for _ in range(4):
            load.submit(14)
            load.wait_for_one(of_the_last=14)
        load.wait_for_all()
        load.count()
    lost, doubled = (sum(getattr(one, name) for one in unreliable) for name in ("lost", "doubled"))
    print(f"{lost} wakes lost, {doubled} doubled")
    assert lost > 20
    assert doubled > 20


class Unreliable:
    """A database of whose news three in ten are lost, and three in ten come twice."""

    def __init__(self, database: PostgresqlDatabase, seed: int) -> None:
        self.database = database
        self.dialect = database.dialect
        self.place = database.place
        self.random = Random(seed)
        self.lost = 0
        self.doubled = 0

    def learn(self, statements: Mapping[str, str]) -> None:
        self.database.learn(statements)

    def transact(self, make: MakeOperation[Value], *, reads: bool = False, single: bool = False) -> Value:
        return self.database.transact(make, reads=reads, single=single)

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        def told(execution_id: ExecutionId | None) -> None:
            luck = self.random.random()
            self.lost += luck < 0.3
            self.doubled += luck > 0.7
            for _ in range(0 if luck < 0.3 else 2 if luck > 0.7 else 1):
                watcher(execution_id)

        return self.database.watch(told)

    def close(self) -> None:
        self.database.close()


def notify(name: str) -> Operation[None]:
    yield Statement("notify", (name,))


def test_who_has_very_many_files_open_hears_of_changes_too(url: str):
    with closing(PostgresqlDatabase(url)) as database, many_files(1100):
        heard: SimpleQueue[ExecutionId | None] = SimpleQueue()
        end = database.watch(heard.put)
        for name in ("one", "two"):
            database.transact(partial(notify, name), single=True)
            assert heard.get(timeout=60) == name
        end()


@contextmanager
def many_files(count: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"no process may have {wanted} files open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        with ExitStack() as stack:
            for _ in range(count):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
