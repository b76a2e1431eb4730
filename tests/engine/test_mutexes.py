"""A mutex that reaches beyond its execution: one run has it, whatever engines there are and whichever of them dies."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest

from prana_py import Execution, Workflow, WorkflowBuilder, node, wait_for_webhook
from prana_py.driver.requests import CancelBranch
from tests.engine.office import DATABASES, Office, offices_of

PRINTER = {"mutex": "printer", "mutex_reach": "global"}


@node
def ask() -> Any:
    return wait_for_webhook()


NODES: list[Any] = [ask]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    yield from offices_of(request, NODES)


def holding(*keys: str, settings: Any = None) -> Workflow:
    flow = WorkflowBuilder("holding")
    for key in keys or ("hold",):
        flow.add(ask, key, settings=settings or PRINTER)
    return flow.build()


def waits(execution: Execution) -> list[str]:
    return sorted(suspension.type for suspension in execution.suspensions.values())


def test_turns_go_by_who_came_first_whichever_engine_he_came_to(office: Office):
    first = office.publish(holding())
    second = office.open()
    held = [engine.start("holding").id for engine in (first, second, first, second)]

    for turn, execution_id in enumerate(held):
        assert [waits(first.get(each)) for each in held[turn:]] == [["webhook"], *[["mutex"]] * (3 - turn)]
        assert (second if turn % 2 else first).resume(execution_id).status == "completed"

    assert office.rows("SELECT * FROM mutex") == []
    assert office.rows("SELECT * FROM inbox") == []
    assert first.wake_due() == []


def test_who_leaves_the_line_changes_nothing_for_those_before_him(office: Office):
    engine = office.publish(holding("a", "b"))
    one, other = engine.start("holding"), engine.start("holding")
    assert (waits(engine.get(one.id)), waits(engine.get(other.id))) == (["mutex", "webhook"], ["mutex", "mutex"])

    engine.cancel(other.id)
    engine.wake_due()

    assert waits(engine.get(one.id)) == ["mutex", "webhook"], "one of its runs has it, and the other one has not"
    assert office.rows("SELECT * FROM inbox") == []


def test_the_turn_goes_on_within_one_execution(office: Office):
    engine = office.publish(holding("a", "b"))
    execution = engine.start("holding")
    (first,) = [wait for wait in execution.suspensions.values() if wait.type == "webhook"]

    execution = engine.resume(execution.id, wait_id=first.wait_id)
    execution = engine.get(execution.id)

    assert waits(execution) == ["webhook"]
    assert engine.resume(execution.id).status == "completed"


def test_a_branch_that_is_withdrawn_gives_up_its_place(office: Office):
    flow = WorkflowBuilder("holding")
    flow.add(ask, "hold", settings=PRINTER)
    flow.add(ask, "other")
    engine = office.publish(flow.build())
    one, other = engine.start("holding"), engine.start("holding")

    engine.ask(one.id, CancelBranch(("hold",)))

    assert waits(engine.get(other.id)) == ["webhook", "webhook"]


@pytest.mark.parametrize("waiting", [True, False])
def test_the_turn_of_one_whose_engine_has_died_goes_on_when_his_run_settles_elsewhere(office: Office, waiting: bool):
    """It died while it had the mutex: in the middle of a run, or between two."""
    engine = office.publish(holding())
    held, next_one = engine.start("holding").id, engine.start("holding").id
    office.bury(engine)
    if waiting:
        office.write("UPDATE execution SET owner = 'dead' WHERE id = ?", held)
    other = office.open()
    other.wake_due()
    assert [waits(other.get(each)) for each in (held, next_one)] == [["webhook"], ["mutex"]]

    assert other.resume(held).status == "completed"

    assert waits(other.get(next_one)) == ["webhook"]


def test_a_turn_that_came_while_its_engine_was_dying_is_taken_by_the_next(office: Office):
    engine = office.publish(holding())
    held, next_one, last = (engine.start("holding").id for _ in range(3))
    office.write("INSERT INTO holder (id, until, process) VALUES ('silent', ?, '')", 1 << 62)
    office.write("UPDATE execution SET owner = 'silent' WHERE id = ?", next_one)

    engine.resume(held)
    assert [waits(engine.get(each)) for each in (next_one, last)] == [["mutex"], ["mutex"]]
    office.write("DELETE FROM holder WHERE id = 'silent'")
    other = office.open()
    other.wake_due()

    assert [waits(other.get(each)) for each in (next_one, last)] == [["webhook"], ["mutex"]]
    assert office.rows("SELECT * FROM inbox") == []


def test_one_at_a_time_in_many_threads_of_several_engines(office: Office):
    inside, most, done = 0, 0, 0
    lock = Lock()

    @node
    def work() -> None:
        nonlocal inside, most, done
        with lock:
            inside += 1
            most = max(most, inside)
        with lock:
            inside -= 1
            done += 1

    flow = WorkflowBuilder("working")
    flow.add(work, "work", settings=PRINTER)
    office.nodes.append(work)
    engines = [office.publish(flow.build()), office.open(), office.open()]

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: engines[number % 3].start("working").id, range(120)))
    for _ in range(200):
        if not any(engine.wake_due() for engine in engines):
            break

    assert (most, done) == (1, 120)
    assert {engines[0].get(each).status for each in ids} == {"completed"}
    assert office.rows("SELECT * FROM mutex") == office.rows("SELECT * FROM inbox") == []


WORK = """
import os, sys
from prana_py import node
from prana_py.engine.engine import Engine

@node
def work() -> None:
    at = os.open(sys.argv[2], os.O_CREAT | os.O_EXCL)
    os.close(at)
    os.unlink(sys.argv[2])

with Engine(sys.argv[1], nodes=[work]) as engine:
    sys.stdin.readline()
    for _ in range(20):
        engine.start("working")
    while engine.wake_due():
        pass
"""


def test_one_at_a_time_in_many_processes(office: Office):
    """Each run makes a file that must not be there, and removes it: two at a time would fail."""

    @node
    def work() -> None: ...

    flow = WorkflowBuilder("working")
    flow.add(work, "work", settings=PRINTER)
    office.nodes.append(work)
    engine = office.publish(flow.build())
    command = [sys.executable, "-c", WORK, office.address, str(office.folder / "inside")]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda process: process.communicate("go\n", timeout=60), processes))
    for _ in range(100):
        if not engine.wake_due():
            break

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert office.rows("SELECT status, count(*) FROM execution GROUP BY status") == [("completed", 60)]
