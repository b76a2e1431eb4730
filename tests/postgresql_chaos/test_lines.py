"""Lines that are cut at every message, and lines that hang: what was committed is found, and nothing is doubled."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from prana_py import LocalRuntime, Workflow
from prana_py.engine.engine import Engine
from prana_py.identifiers import Instant
from prana_py.stores import leases
from prana_py.stores.postgresql import PostgresqlDatabase
from prana_py.stores.records import Claimed
from prana_py.stores.statements import Operation
from prana_py.testing.store_invariants import check_store
from tests.postgresql_chaos.conftest import StartWorker
from tests.postgresql_chaos.load import Load, persistent
from tests.postgresql_chaos.population import NODES, chain, child, parent, paying
from tests.stores.proxy import Proxy

MOST_MESSAGES = 500

DUE = Instant(2**62)
"""An instant at which everything is due."""

STRIDES = {"chain": 1, "paying": 1, "parent": 1 if os.environ.get("PRANA_LONG_TESTS") else 6}
"""At which messages the line is cut: at every first, or every sixth."""

LEAST_CUTS = {"chain": 60, "paying": 55, "parent": 25}
"""How many there were at least: each of these messages was lost, and arrived and was not answered."""

LEASE_S = 2

MOST_LOOKS = 20_000

IMPATIENT = "-c idle_in_transaction_session_timeout=500ms"

FOR_EVER = timedelta(days=1)
"""A lease that needs no beat, so that only what is looked at sends messages."""


@pytest.fixture
def line(url: str) -> Iterator[Proxy]:
    known = conninfo_to_dict(url)
    proxy = Proxy(str(known["host"]), int(str(known["port"])))
    yield proxy
    proxy.close()


def through(line: Proxy, url: str, **options: object) -> str:
    """The same database by way of the line."""
    extra = "".join(f"&{name}={value}" for name, value in options.items())
    return f"{url}&hostaddr=127.0.0.1&port={line.port}{extra}"


class Message:
    """The n-th message of all that are sent, and no other."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.count = 0

    def __call__(self, _: bytes) -> bool:
        self.count += 1
        return self.count == self.number


@pytest.mark.parametrize("workflow", [chain(), paying(), parent()], ids=lambda workflow: str(workflow.id))
def test_a_line_may_be_cut_at_any_message(url: str, line: Proxy, ledger: Path, workflow: Workflow):
    with Engine(url, nodes=NODES) as publisher:
        for one in (workflow, child()):
            publisher.publish(one)
        cuts = 0
        for number in range(1, MOST_MESSAGES, STRIDES[workflow.id]):
            message = Message(number)
            for line.passes_last in (False, True):
                message.count = 0
                key = f"{number}-{line.passes_last}"
                live(through(line, url), workflow, key, partial(setattr, line, "cuts", message))
            if message.count < number:
                break
            cuts += 2

        executions = check_store(publisher)
    assert {one.status for one in executions} == {"completed"}
    # Whoever does not know whether he has committed reads what is there, or asks again; nothing is done twice.
    assert set(Counter(ledger.read_text().splitlines()).values()) == {1}
    print(f"{cuts} cuts")
    assert cuts >= LEAST_CUTS[workflow.id]


def live(url: str, workflow: Workflow, key: str, begin: Callable[[], None]) -> None:
    """Start one, and drive what comes of it, to the end; whatever fails is asked for again."""
    with Engine(url, nodes=NODES, runtime=LocalRuntime(), lease=FOR_EVER) as engine:
        begin()
        execution = persistent(lambda: engine.start(workflow.id, key, execution_id=key, idempotency_key=key))
        while not execution.is_final:
            persistent(engine.wake_due)
            execution = persistent(lambda: engine.get(key))


def test_a_worker_whose_line_hangs_is_taken_over_and_cannot_write_when_it_goes_on(
    url: str, line: Proxy, start_worker: StartWorker, ledger: Path
):
    load = Load.on(url, ledger)
    flows = Event()
    hangs = Event()

    def hang(_: bytes) -> bool:
        """From a moment on nothing arrives any more, and nothing is closed."""
        if not flows.is_set():
            hangs.set()
            flows.wait()
        return False

    with closing(load.engine):
        flows.set()
        line.cuts = hang
        away = start_worker(through(line, url, options=quote(IMPATIENT)), LEASE_S)
        load.submit(14)
        load.wait_for_one(of_the_last=14)
        flows.clear()
        assert hangs.wait(60)
        here = start_worker(url, LEASE_S)
        load.submit(14)
        load.wait_for_all()
        here.terminate()
        assert here.wait(60) == 0

        flows.set()
        load.submit(7)
        load.wait_for_all()

        load.count()
        assert away.poll() is None


def test_who_sleeps_before_the_commit_of_a_claim_does_not_keep_others_from_it(url: str):
    has_claimed, goes_on = Event(), Event()

    def sleepy() -> Operation[list[Claimed]]:
        """It sleeps before its commit, the first time that it is performed."""
        operation = leases.claim_due("away", DUE, 1)
        looked = yield next(operation)
        reply = yield operation.send(looked)
        if not has_claimed.is_set():
            has_claimed.set()
            goes_on.wait(60)
        return (yield from resumed(operation, reply))

    with Engine(url, nodes=NODES) as engine, ThreadPoolExecutor(1) as pool:
        engine.publish(chain())
        engine.submit("chain", 1, execution_id="one")
        engine.heartbeat.ensure()
        with closing(PostgresqlDatabase(f"{url}&options={quote(IMPATIENT)}")) as away:
            claimed = pool.submit(away.transact, sleepy)
            assert has_claimed.wait(60)
            claim = partial(leases.claim_due, engine.id, DUE, 1)
            tries = [engine.plain.transact(claim)]
            while not tries[-1] and len(tries) < MOST_LOOKS:
                tries.append(engine.plain.transact(claim))
            goes_on.set()

            assert len(tries) > 1
            assert [one.id for one in tries[-1]] == ["one"]
            assert claimed.result(60) == []


def resumed(operation: Operation[list[Claimed]], reply: Any) -> Operation[list[Claimed]]:
    """What is left of an operation that was begun by somebody else."""
    try:
        while True:
            reply = yield operation.send(reply)
    except StopIteration as stop:
        claims: list[Claimed] = stop.value
        return claims
