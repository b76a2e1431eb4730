"""Requests to executions that somebody else drives go by letter; one that is delivered twice has one effect."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier, Event
from typing import Any

import pytest

from prana_py import (
    NotFoundError,
    TransitionError,
    Workflow,
    WorkflowBuilder,
    node,
    wait_for_signal,
    wait_for_webhook,
)
from prana_py.driver.requests import Signal
from prana_py.engine.operations import delivery_of
from prana_py.stores import deliveries, inbox
from tests.engine.office import DATABASES, Office, offices_of

SOON = timedelta(seconds=60)


@node
def ask() -> Any:
    return wait_for_webhook(schema={"type": "integer"})


@node
def listen() -> Any:
    return wait_for_signal("go")


NODES: list[Any] = [ask, listen]


@pytest.fixture(params=DATABASES)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    yield from offices_of(request, NODES)


class Gate:
    """A node that stands in the way until it is told to open."""

    def __init__(self) -> None:
        self.reached, self.open = Event(), Event()

        @node
        def gate() -> str:
            self.reached.set()
            assert self.open.wait(60)
            return "open"

        self.node = gate


def chain(*types: Any) -> Workflow:
    flow = WorkflowBuilder("chain")
    before = None
    for number, type_ in enumerate(types):
        handle = flow.add(type_, f"n{number}")
        if before is not None:
            before.then(handle)
        before = handle
    return flow.build()


def signals(office: Office, execution_id: str) -> int:
    """How many signals the execution keeps."""
    return len(office.open().get(execution_id).signals)


# ── to whoever drives it ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("same_engine", [True, False])
def test_a_request_to_an_execution_that_is_driven_is_met_by_its_driver(office: Office, same_engine: bool):
    gate = Gate()
    office.nodes.append(gate.node)
    engine = office.publish(chain(gate.node, ask))
    other = engine if same_engine else office.open()

    with ThreadPoolExecutor(2) as pool:
        driven = pool.submit(engine.start, "chain", execution_id="e")
        assert gate.reached.wait(60)
        sent = pool.submit(other.signal, "e", "hello", 1)
        while not office.rows("SELECT 1 FROM inbox"):
            assert not sent.done()
        gate.open.set()

        assert driven.result(60).status == "suspended"
        assert len(sent.result(60).signals) == 1
    assert office.rows("SELECT * FROM inbox") == []


def test_a_request_that_its_driver_refuses_is_refused_to_its_sender(office: Office):
    gate = Gate()
    office.nodes.append(gate.node)
    engine, other = office.publish(chain(gate.node, ask)), office.open()

    with ThreadPoolExecutor(2) as pool:
        driven = pool.submit(engine.start, "chain", execution_id="e")
        assert gate.reached.wait(60)
        sent = pool.submit(other.signal, "e", "hello", buffer=False)
        while not office.rows("SELECT 1 FROM inbox"):
            assert not sent.done()
        gate.open.set()
        driven.result(60)

        with pytest.raises(TransitionError) as refused:
            sent.result(60)
    assert refused.value.code == "signal_not_awaited"
    assert office.rows("SELECT * FROM inbox") == []


def test_a_request_to_an_execution_that_ends_first_is_refused(office: Office):
    """Its driver hears nothing of it before the end: it comes from another process, and he looks now and then."""
    gate = Gate()
    office.nodes.append(gate.node)
    engine, other = office.publish(chain(gate.node)), office.open()
    engine._unwatch()

    with ThreadPoolExecutor(2) as pool:
        driven = pool.submit(engine.start, "chain", execution_id="e")
        assert gate.reached.wait(60)
        sent = pool.submit(other.signal, "e", "late")
        while not office.rows("SELECT 1 FROM inbox"):
            assert not sent.done()
        gate.open.set()
        assert driven.result(60).status == "completed"

        with pytest.raises(TransitionError) as refused:
            sent.result(60)
    assert refused.value.code == "execution_final"
    assert office.rows("SELECT * FROM inbox") == []


def test_a_letter_to_an_execution_that_has_ended_is_not_sent(office: Office):
    engine = office.publish(chain("core.noop"))
    execution = engine.start("chain")

    assert not engine.database.transact(lambda: inbox.post(execution.id, "asked", Signal("late"), execution.last_at))
    assert office.rows("SELECT * FROM inbox") == []


def test_a_letter_whose_sender_has_died_is_met_by_whoever_comes(office: Office):
    engine = office.publish(chain(ask, listen))
    execution = engine.start("chain")
    now = engine.runtime.clock.now()
    engine.database.transact(lambda: inbox.post(execution.id, "asked by one who died", Signal("go", 7), now))
    office.close()

    other = office.open()
    (woken,) = other.wake_due()

    assert len(woken.signals) == 1
    assert other.wake_due() == []
    assert other.resume(execution.id, 1).completed_nodes["n1"] == 7


def test_letters_are_met_in_the_order_in_which_they_were_sent(office: Office):
    engine = office.publish(chain(ask))
    execution = engine.start("chain")
    for number in range(20):
        engine.database.transact(
            partial(inbox.post, execution.id, f"letter {number}", Signal("go", number), execution.last_at)
        )

    (woken,) = engine.wake_due()

    assert [signal.data for signal in woken.signals] == list(range(20))


def test_who_asks_does_not_wait_for_ever(office: Office):
    """The driver is silent: dead, and nobody knows it yet."""
    engine, other = office.publish(chain(ask)), office.open()
    execution = engine.start("chain")
    office.write("UPDATE execution SET owner = ?", engine.id)
    office.clock.jumps = True

    with pytest.raises(TransitionError) as refused:
        other.signal(execution.id, "go", 1, timeout=SOON)

    assert refused.value.code == "not_answered_yet"
    assert len(office.rows("SELECT * FROM inbox")) == 1, "it is kept, and will be met"


# ── twice is once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_signal_that_is_delivered_twice_is_kept_once(office: Office):
    engine = office.publish(chain(ask, listen))
    execution = engine.start("chain")

    first = engine.signal(execution.id, "go", 7, delivery_id="post 1")
    again = office.open().signal(execution.id, "go", 7, delivery_id="post 1")

    assert len(first.signals) == len(again.signals) == 1
    assert first.journal == again.journal
    engine.signal(execution.id, "go", 7, delivery_id="post 2")
    assert signals(office, execution.id) == 2


def test_a_resume_that_is_delivered_twice_gets_the_same_answer_and_another_one_does_not(office: Office):
    engine = office.publish(chain(ask, ask))
    token = engine.token(engine.start("chain"))

    first = engine.resume(token, 1, delivery_id="post 1")
    again = office.open().resume(token, 1, delivery_id="post 1")

    assert first.journal == again.journal
    assert office.refusal(engine.resume, token, 1) == "token_reused"
    assert office.refusal(engine.resume, token, 1, delivery_id="post 2") == "token_reused"


def test_a_delivery_is_known_after_its_execution_has_ended(office: Office):
    engine = office.publish(chain(ask))
    execution = engine.start("chain")
    token = engine.token(execution)
    ended = engine.resume(token, 1, delivery_id="post 1")
    office.close()

    again = office.open().resume(token, 1, delivery_id="post 1")

    assert (again.status, again.journal) == ("completed", ended.journal)
    assert office.refusal(office.open().resume, token, 1, delivery_id="post 2") == "token_reused"
    assert office.refusal(office.open().signal, execution.id, "go", delivery_id="post 3") == "execution_final"


def test_something_else_under_the_same_delivery_is_refused(office: Office):
    engine = office.publish(chain(ask, ask))
    execution = engine.start("chain")
    engine.signal(execution.id, "go", 7, delivery_id="post 1")

    assert office.refusal(engine.signal, execution.id, "go", 8, delivery_id="post 1") == "delivery_mismatch"
    assert office.refusal(engine.resume, execution.id, 8, delivery_id="post 1") == "delivery_mismatch"


def test_a_delivery_that_was_refused_may_be_made_again(office: Office):
    """Nothing came of it; so one that was too early may come again."""
    engine = office.publish(chain(ask, listen))
    execution = engine.start("chain")

    refused = office.refusal(engine.signal, execution.id, "go", 7, buffer=False, delivery_id="post 1")
    assert refused == "signal_not_awaited"
    assert office.refusal(engine.resume, execution.id, "x", delivery_id="post 2") == "resume_data_invalid"
    engine.resume(execution.id, 1)

    assert engine.signal(execution.id, "go", 7, buffer=False, delivery_id="post 1").status == "completed"
    assert len(office.rows("SELECT * FROM delivery")) == 1


@pytest.mark.parametrize("comes_again", [True, False])
def test_a_delivery_whose_receiver_died_before_it_was_met_is_met_once(office: Office, comes_again: bool):
    engine = office.publish(chain(ask, listen))
    execution = engine.start("chain")
    request = Signal("go", 7)
    delivery = delivery_of("post 1", request)
    assert delivery is not None
    sent = partial(deliveries.take_in, execution.id, *delivery, request, execution.last_at)
    engine.database.transact(sent)
    office.bury(engine)

    other = office.open()
    if comes_again:
        assert len(other.signal(execution.id, "go", 7, delivery_id="post 1").signals) == 1
    other.wake_due()

    assert signals(office, execution.id) == 1
    assert len(other.signal(execution.id, "go", 7, delivery_id="post 1").signals) == 1


def test_a_delivery_to_an_execution_that_has_not_begun_begins_it(office: Office):
    engine = office.publish(chain(ask, listen))
    execution_id = engine.submit("chain")

    assert len(engine.signal(execution_id, "go", 1, delivery_id="post 1").signals) == 1
    assert len(engine.signal(execution_id, "go", 1, delivery_id="post 1").signals) == 1
    with pytest.raises(NotFoundError):
        engine.signal("nobody", "go", 1, delivery_id="post 1")


def test_of_fifty_equal_deliveries_at_once_one_has_an_effect_and_all_get_its_answer(office: Office):
    engines = [office.publish(chain(ask, ask)), office.open(), office.open()]
    execution = engines[0].start("chain")
    token = engines[0].token(execution)
    together = Barrier(50)

    def deliver(number: int) -> int:
        together.wait(60)
        return engines[number % 3].resume(token, 1, delivery_id="post 1").position

    with ThreadPoolExecutor(50) as pool:
        positions = set(pool.map(deliver, range(50)))

    assert min(positions) > execution.position
    journal = engines[0].get(execution.id).journal
    assert [type(row).__name__ for row in journal].count("Resumed") == 1
    assert office.rows("SELECT * FROM inbox") == []


def test_deliveries_are_forgotten_after_a_month(office: Office):
    engine = office.publish(chain(ask, listen))
    execution = engine.start("chain")
    engine.signal(execution.id, "go", 1, delivery_id="post 1")
    office.clock.advance(days=29)
    assert len(engine.signal(execution.id, "go", 1, delivery_id="post 1").signals) == 1
    office.clock.advance(days=2)
    engine.signal(execution.id, "go", 2, delivery_id="post 2")

    assert office.rows("SELECT delivery_id FROM delivery") == [("post 2",)]
