"""A worker process that was stopped, given up for dead and continued: whatever it still wants to write is refused."""

from __future__ import annotations

import os
import signal

import pytest

from prana_py.engine.worker import Worker
from prana_py.stores.statements import Statement
from prana_py.testing.store_invariants import check_store
from tests.workers.gates import Standing, gated_flow, open_quick
from tests.workers.population import entries
from tests.workers.processes import Place

EXECUTIONS = 8


def void_all_leases_but_of(engine):
    """The clock has moved on, and of all others nobody has said that he lives."""
    engine.plain.learn({"void": "UPDATE holder SET until = 0 WHERE id <> ?"})

    def operation():
        yield Statement("void", (engine.id,))

    engine.plain.transact(operation)


@pytest.mark.parametrize("max_concurrency", [1, 2])
def test_what_a_continued_worker_wants_to_write_is_refused(tmp_path, capsys, max_concurrency):
    place = Place(tmp_path)
    with open_quick(place) as engine:
        engine.publish(gated_flow())
        ids = [engine.submit("gated", number) for number in range(EXECUTIONS)]
        zombie = Standing(place, max_concurrency=max_concurrency, concurrency=EXECUTIONS)
        assert [zombie.next() for _ in ids] == ["gate"] * EXECUTIONS
        os.kill(zombie.pid, signal.SIGSTOP)
        void_all_leases_but_of(engine)
        Worker(engine).run_until_idle()
        before = [engine.get(one) for one in ids]

        os.kill(zombie.pid, signal.SIGCONT)
        zombie.open()
        refused = zombie.next()
        zombie.process.join()

        check_store(engine)
        with capsys.disabled():
            print(f"\n{EXECUTIONS} executions of a stopped worker: {refused} writes refused, 0 accepted")
        assert refused >= EXECUTIONS
        assert [execution.status for execution in before] == ["completed"] * EXECUTIONS
        assert [engine.get(one).journal for one in ids] == [execution.journal for execution in before]
        assert sorted(entries(place.ledger).values()) == [1] * 2 * EXECUTIONS + [2] * EXECUTIONS


def test_a_long_node_keeps_its_lease_while_its_engine_says_that_it_lives(tmp_path):
    place = Place(tmp_path)
    with open_quick(place) as engine:
        engine.publish(gated_flow())
        execution_id = engine.submit("gated", 1)
        busy = Standing(place, max_concurrency=1, concurrency=1)
        assert busy.next() == "gate"

        for _ in range(3):
            Worker(engine).run_until_idle()
        owner = engine.header(execution_id).owner
        busy.open()
        refused = busy.next()
        busy.process.join()

        assert owner not in (None, engine.id)
        assert (engine.get(execution_id).status, refused) == ("completed", 0)
        assert set(entries(place.ledger).values()) == {1}
