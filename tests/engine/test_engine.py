"""An engine keeps what it starts, and whoever opens the same store goes on from there."""

from datetime import timedelta
from typing import Any

import pytest

from prana_py import TransitionError, UsageError, WorkflowBuilder, node, wait_for_webhook
from prana_py.engine.engine import Engine


@node
def approval(question: str):
    return wait_for_webhook(timeout=timedelta(days=1))


@node
def ship(input):
    return {"shipped": input}


NODES: list[Any] = [approval, ship]


def orders():
    flow = WorkflowBuilder("orders")
    flow.add(approval, question="Ship {{ $input.id }}?").then(flow.add(ship))
    return flow.build()


@pytest.fixture
def address(tmp_path):
    return f"sqlite:///{tmp_path / 'orders.db'}"


def test_what_one_engine_starts_another_one_resumes(address):
    with Engine(address, nodes=NODES) as first:
        first.publish(orders())
        execution = first.start("orders", {"id": 7})
        token = first.token(execution)
    with Engine(address, nodes=NODES) as second:
        ended = second.resume(token, {"ok": True})

        assert ended.output == {"shipped": {"ok": True}}
        assert second.get(execution.id).journal == ended.journal


def test_a_token_is_good_for_once(address):
    with Engine(address, nodes=NODES) as engine:
        engine.publish(orders())
        token = engine.token(engine.start("orders", {"id": 7}))
        engine.resume(token, 1)

        with pytest.raises(TransitionError) as refused:
            engine.resume(token, 2)

    assert refused.value.code == "token_reused"


def test_the_same_workflow_published_twice_is_one_version_and_a_changed_one_is_the_next(address):
    changed = WorkflowBuilder("orders")
    changed.add(ship)
    with Engine(address, nodes=NODES) as engine:
        versions = [engine.publish(workflow).version for workflow in (orders(), orders(), changed.build(), orders())]

    assert versions == [1, 1, 2, 3]


def test_a_start_with_a_key_that_was_used_before_gives_the_first_execution():
    with Engine(nodes=NODES) as engine:
        engine.publish(orders())
        first = engine.start("orders", {"id": 7}, idempotency_key="order 7")

        assert engine.start("orders", {"id": 7}, idempotency_key="order 7").id == first.id
        with pytest.raises(UsageError) as refused:
            engine.start("orders", {"id": 8}, idempotency_key="order 7")

    assert refused.value.code == "idempotency_mismatch"
