"""Whoever starts with the same key starts once, however many there are, and gets the same execution."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from prana_py import CompileError, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.engine import Engine
from tests.engine.office import DATABASES, Office, offices_of


@node
def ask(input: Any) -> Any:
    return wait_for_webhook()


NODES: list[Any] = [ask]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    yield from offices_of(request, NODES)


def flow(name: str = "orders", *, waits: bool = True) -> Workflow:
    builder = WorkflowBuilder(name)
    builder.add(ask if waits else "core.noop", "a")
    return builder.build()


def started(engine: Engine) -> str:
    return engine.start("orders", {"id": 7}, idempotency_key="order 7").id


def submitted(engine: Engine) -> str:
    return engine.submit("orders", {"id": 7}, idempotency_key="order 7")


VERBS = {"start": started, "submit": submitted}


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
def test_of_a_thousand_starts_with_one_key_one_is_made(office: Office, verb: Callable[[Engine], str], waits: bool):
    engines = [office.publish(flow(waits=waits)), office.open()]
    together = Barrier(8)

    def start(number: int) -> set[str]:
        together.wait(60)
        return {verb(engines[number % 2]) for _ in range(125)}

    with ThreadPoolExecutor(8) as pool:
        ids = set().union(*pool.map(start, range(8)))

    assert [(one,) for one in ids] == office.rows("SELECT id FROM execution")
    for engine in engines:
        engine.wake_due()
    ended = engines[0].get(ids.pop())
    assert ended.status == ("suspended" if waits else "completed")
    assert engines[1].start("orders", {"id": 7}, idempotency_key="order 7").journal == ended.journal


START = """
import json, sys
from prana_py.engine.engine import Engine
from tests.engine.test_idempotency import NODES, VERBS

with Engine(sys.argv[1], nodes=NODES) as engine:
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps([VERBS[sys.argv[2]](engine) for _ in range(50)]))
"""


@pytest.mark.parametrize("verb", VERBS)
def test_of_many_starts_with_one_key_in_two_processes_one_is_made(office: Office, verb: str):
    office.publish(flow())
    command = [sys.executable, "-c", START, office.address, verb]
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(lambda process: process.communicate("go\n", timeout=60)[0], processes))

    assert {(one,) for each in told for one in json.loads(each)} == set(office.rows("SELECT id FROM execution"))
    assert len(office.rows("SELECT id FROM execution")) == 1


@pytest.mark.parametrize("first", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("then", VERBS.values(), ids=VERBS)
def test_a_start_and_a_submission_with_one_key_are_one(office: Office, first: Any, then: Any):
    engine = office.publish(flow())

    assert first(engine) == then(engine) == then(office.open())
    engine.wake_due()
    assert [status for (status,) in office.rows("SELECT status FROM execution")] == ["suspended"]


@pytest.mark.parametrize("verb", ["start", "submit"])
def test_the_same_key_with_something_else_is_refused(office: Office, verb: str):
    engine = office.publish(flow())
    started(engine)

    ask: Any = getattr(engine, verb)
    for given, options in (({"id": 8}, {}), ({"id": 7}, {"variables": {"x": 1}})):
        refused = office.refusal(ask, "orders", given, idempotency_key="order 7", **options)
        assert refused == "idempotency_mismatch"


def test_a_key_is_for_one_workflow(office: Office):
    engine = office.publish(flow(), flow("invoices"))

    ids = {engine.start(name, idempotency_key="7").id for name in ("orders", "invoices", "orders")}

    assert len(ids) == 2


def test_a_key_holds_after_the_end_and_for_the_next_version(office: Office):
    engine = office.publish(flow())
    execution_id = started(engine)
    engine.resume(execution_id)
    engine.publish(flow(waits=False))

    again = engine.start("orders", {"id": 7}, idempotency_key="order 7")

    assert (again.id, again.workflow_version, again.status) == (execution_id, 1, "completed")


@pytest.mark.parametrize("verb", ["start", "submit"])
def test_an_id_that_is_taken_is_refused(office: Office, verb: str):
    engine = office.publish(flow())
    engine.start("orders", 1, execution_id="mine")

    assert office.refusal(getattr(engine, verb), "orders", 1, execution_id="mine") == "execution_exists"
    assert engine.get("mine").status == "suspended"


def test_a_start_that_fails_leaves_its_key_to_others(office: Office):
    engine = office.publish(flow())

    with pytest.raises(CompileError):
        engine.start("orders", {"id": 7}, idempotency_key="order 7", trigger="nowhere")

    assert started(engine)
