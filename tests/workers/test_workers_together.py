"""Several workers, in processes and threads, on the same executions: each transition happens once."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from prana_py.engine.worker import Worker
from prana_py.testing.store_invariants import check_store
from tests.workers.population import WORKFLOWS, entries
from tests.workers.processes import Manner, Place, start_worker

PATIENCE = timedelta(seconds=60)


def submit_all(engine, times):
    for workflow in WORKFLOWS:
        engine.publish(workflow)
    return [engine.submit(workflow.id, number) for number in range(times) for workflow in WORKFLOWS]


@pytest.mark.parametrize("workers", [2, 8])
def test_each_transition_happens_once_however_many_processes_drive(tmp_path, workers):
    place = Place(tmp_path)
    with place.open() as engine:
        ids = submit_all(engine, times=8)
        processes = [start_worker(place, Manner(max_concurrency=1 + number % 2)) for number in range(workers)]
        ended = [engine.wait_for(one, PATIENCE).status for one in ids]
        for process in processes:
            process.kill()
            process.join()

        check_store(engine)
        assert set(ended) == {"completed"}
        doubled = {key: count for key, count in entries(place.ledger).items() if count > 1}
        flaky = sum(1 for one in ids if engine.header(one).workflow_id == "retries")
        assert sorted(doubled.values()) == [2] * flaky  # they are called twice because the first attempt fails


def test_each_transition_happens_once_however_many_threads_drive(tmp_path):
    place = Place(tmp_path)
    with ExitStack() as stack:
        engines = [stack.enter_context(place.open()) for _ in range(4)]
        ids = submit_all(engines[0], times=4)
        together = Barrier(len(engines))

        def drive(engine):
            engine.heartbeat.ensure()
            together.wait()
            for one in ids:
                engine.local.do(engine.operations.drive(one))

        threads = [Thread(target=drive, args=(engine,)) for engine in engines]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with Worker(engines[0]):
            ended = [engines[0].wait_for(one, PATIENCE).status for one in ids]

        check_store(engines[0])
        assert set(ended) == {"completed"}
        flaky = sum(1 for one in ids if engines[0].header(one).workflow_id == "retries")
        assert sorted(count for count in entries(place.ledger).values() if count > 1) == [2] * flaky
