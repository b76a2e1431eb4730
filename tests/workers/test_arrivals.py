"""What arrives from another process while a node runs for long: it takes effect, and the node's work is not lost.

Where several calls may go on at once, it takes effect while the node runs; else after it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from prana_py.engine.worker import Worker
from prana_py.stores.statements import Statement
from prana_py.testing.store_invariants import check_store
from tests.workers.gates import Standing, beside, open_quick
from tests.workers.population import WORKFLOWS, entries
from tests.workers.processes import Place

PATIENCE = timedelta(seconds=60)

LOOKS = 20
"""How often it is looked for what another process writes, after news or a second each."""


def resume(engine, execution_id):
    engine.resume(engine.token(engine.get(execution_id)), "data")


def send_signal(engine, execution_id):
    engine.signal(execution_id, "go", "data")


def withdraw(engine, execution_id):
    engine.cancel_branch(execution_id, ["wait"])


def finish_the_child(engine, execution_id):
    Worker(engine).run_until_idle()


def let_time_pass(engine, execution_id):
    engine.wait_for(execution_id, timedelta(milliseconds=60))


CHILD = {"workflow_id": "chain", "mode": "async"}

ARRIVALS = {
    "resume": (beside("ask"), resume, True),
    "signal": (beside("listen"), send_signal, True),
    "timer": (beside("doze"), let_time_pass, True),
    "branch cancel": (beside("ask"), withdraw, False),
    "child end": (beside("workflow.execute", **CHILD), finish_the_child, True),
}


def wait_until_there_is_one(engine, table):
    """Until there is an open wait, or a letter that nobody has read yet."""
    engine.plain.learn({"there are": f"SELECT count(*) FROM {table}"})

    def operation():
        return (yield Statement("there are")).rows[0][0]

    for _ in range(LOOKS):
        read = engine.news.count
        if engine.plain.transact(operation, reads=True):
            return
        engine.news.wait(None, read, 1)
    pytest.fail(f"there is no {table}")


@pytest.mark.parametrize("max_concurrency", [1, 2])
@pytest.mark.parametrize("arrival", ARRIVALS)
def test_what_arrives_while_a_long_node_runs_takes_effect_and_nothing_is_thrown_away(
    tmp_path, arrival, max_concurrency
):
    workflow, act, goes_on = ARRIVALS[arrival]
    place = Place(tmp_path)
    with open_quick(place) as engine, ThreadPoolExecutor(1) as pool:
        engine.publish(WORKFLOWS[0])
        engine.publish(workflow)
        execution_id = engine.submit("beside", 1)
        busy = Standing(place, max_concurrency=max_concurrency, concurrency=1)
        assert busy.next() == "gate"
        if arrival != "timer":
            wait_until_there_is_one(engine, "wait")

        acting = pool.submit(act, engine, execution_id)
        if max_concurrency == 2:
            acting.result(60)
            assert not goes_on or busy.next() == "after"
        elif arrival in ("timer", "child end"):
            acting.result(60)
        else:
            wait_until_there_is_one(engine, "inbox")
        busy.open()
        acting.result(60)
        busy.process.join()

        execution = engine.wait_for(execution_id, PATIENCE)
        check_store(engine)
        assert execution.status == "completed"
        assert set(entries(place.ledger).values()) == {1}
        assert ("after" in execution.node_executions) == goes_on
