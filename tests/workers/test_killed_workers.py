"""Workers that are killed at any moment: nothing is lost, nothing happens twice, and every effect has its one key."""

from __future__ import annotations

import os
from datetime import timedelta
from multiprocessing.process import BaseProcess
from random import Random

from prana_py.engine.worker import Worker
from prana_py.execution.execution import Execution
from prana_py.testing.store_invariants import check_store
from tests.workers.population import WORKFLOWS, entries
from tests.workers.processes import Manner, Place, start_worker

KILLS = 10_000 if os.environ.get("PRANA_LONG_TESTS") else 300
WORKERS = 3
LOW_WATER = 40
"""There is always so much left to do that a kill strikes workers at work."""

LONGEST_LIFE = 0.12
"""Seconds for which a worker that is to be killed is let alone before."""

EFFECTS = {
    (workflow.id, node.key) for workflow in WORKFLOWS for node in workflow.nodes if node.type in ("effect", "flaky")
}


class Population:
    """Executions that workers are to bring to their ends."""

    def __init__(self, place: Place, random: Random) -> None:
        self.engine = place.open()
        self.random = random
        self.ids: list[str] = []
        for workflow in WORKFLOWS:
            self.engine.publish(workflow)

    def keep_busy(self) -> None:
        """Submit more, where little is left."""
        left = self.engine.count(status=("pending", "running", "suspended"))
        while left < LOW_WATER * 2:
            self.ids.append(self.engine.submit(self.random.choice(WORKFLOWS).id, left))
            left += 1

    def free_the_innocent(self) -> int:
        """Whoever was there by chance when his drivers were killed, again and again at the same place, is let go on."""
        page = self.engine.list(quarantined=True, limit=100)
        return sum(self.engine.release_quarantined(one.id) for one in page.executions)

    def bring_to_an_end(self) -> list[Execution]:
        with Worker(self.engine):
            for execution_id in self.ids:
                self.engine.wait_for(execution_id, timedelta(seconds=60))
        Worker(self.engine).run_until_idle()
        return check_store(self.engine)


def effects_of(executions: list[Execution]) -> dict[str, str]:
    """By key: the node of each effect that the journals tell of."""
    return {
        run.output: run.node_key
        for execution in executions
        for runs in execution.node_executions.values()
        for run in runs
        if (execution.workflow_id, run.node_key) in EFFECTS and isinstance(run.output, str)
    }


def test_workers_may_be_killed_at_any_moment(tmp_path, capsys):
    random = Random(20_260_101)
    place = Place(tmp_path)
    population = Population(place, random)
    population.keep_busy()
    workers: list[BaseProcess] = []
    freed = 0
    for _ in range(KILLS):
        while len(workers) < WORKERS:
            manner = Manner(random.choice((1, 1, 2)), random.choice(("each_node", "batched", "boundaries")))
            workers.append(start_worker(place, manner))
        victim = workers.pop(random.randrange(WORKERS))
        victim.join(random.uniform(0, LONGEST_LIFE))
        victim.kill()
        victim.join()
        population.keep_busy()
        freed += population.free_the_innocent()
    for worker in workers:
        worker.kill()
        worker.join()

    executions = population.bring_to_an_end()

    ledger, effects = entries(place.ledger), effects_of(executions)
    once = [count for key, count in ledger.items() if effects.get(key) == "pay"]
    repeated = sum(count - 1 for count in ledger.values())
    with capsys.disabled():
        print(
            f"\n{KILLS} kills, {len(executions)} executions, {len(effects)} effects, {repeated} of them made again, "
            f"{len(once)} at most once; lost: 0, doubled transitions: 0, quarantined by chance: {freed}"
        )
    assert {execution.status for execution in executions} == {"completed"}
    assert {execution.id for execution in executions} >= set(population.ids)
    assert effects.keys() <= ledger.keys()
    assert set(once) <= {1}
    population.engine.close()
