"""A workflow that is played: whenever it rests it is stored and loaded again, and then somebody says what is next."""

from __future__ import annotations

import json
from typing import Any

from prana_py import Execution, LocalRuntime, NodeExecution, Workflow
from prana_py.driver.requests import Request, Resume, Signal
from prana_py.testing.fake_clock import FakeClock
from prana_py.testing.simulate import Ask, Step, simulate_every_crash
from tests.patterns.nodes import NODES
from tests.patterns.pattern import Making


class Play:
    """One execution, and what has been asked of it."""

    def __init__(self, workflow: Workflow, value: Any, max_concurrency: int, workflows: tuple[Workflow, ...]) -> None:
        self.workflow = workflow
        self.value = value
        self.max_concurrency = max_concurrency
        self.workflows = (workflow, *workflows)
        self.clock = FakeClock()
        self.runtime = LocalRuntime(NODES, max_concurrency=max_concurrency, clock=self.clock, workflows=self.workflows)
        self.graph = self.runtime.graph_of(workflow)
        self.steps: list[Step] = []
        self.execution = self._stored(self.runtime.execute(self.graph, value))

    # ── what happens to it ────────────────────────────────────────────────────────────────────────────────────────

    def request(self, *requests: Request) -> Play:
        """Somebody asks something of it."""
        self.steps += [Ask(request) for request in requests]
        self.execution = self._stored(self.runtime.ask(self.execution, *requests))
        return self

    def finish(self, *keys: str, data: Any = None) -> Play:
        """What these nodes wait for has come, one after the other; of several waits the oldest one's."""
        for key in keys:
            waits = [wait for wait in self.execution.suspensions.values() if wait.node_key == key]
            assert waits, f"{key!r} does not wait; {self.waiting} do"
            first = min(waits, key=lambda wait: (wait.suspended_at, wait.scope, wait.run))
            self.request(Resume(first.wait_id, key if data is None else data))
        return self

    def signal(self, name: str, data: Any = None, *, buffer: bool = True) -> Play:
        """Somebody sends a signal."""
        return self.request(Signal(name, data, buffer))

    def _stored(self, execution: Execution) -> Execution:
        """What another process would load."""
        stored = execution.to_storage_format()
        loaded = Execution.from_storage_format(json.loads(json.dumps(stored)), self.graph)
        assert loaded.to_storage_format() == stored
        return loaded

    # ── what can be seen of it ────────────────────────────────────────────────────────────────────────────────────

    @property
    def runs(self) -> list[NodeExecution]:
        """Every run but the trigger's, in the order in which they came to something first."""
        runs = [run for runs in self.execution.node_executions.values() for run in runs]
        return sorted((r for r in runs if r.node_key != "trigger"), key=lambda run: run.execution_index)

    @property
    def status(self) -> str:
        return self.execution.status

    @property
    def output(self) -> Any:
        return self.execution.output

    @property
    def waiting(self) -> list[str]:
        """The nodes that wait for somebody outside, each as often as it does."""
        own = ("guard", "mutex", "batch_window")
        return sorted(wait.node_key for wait in self.execution.suspensions.values() if wait.type not in own)

    def outputs(self, key: str) -> list[Any]:
        """What the runs of a node gave, in their order."""
        return [run.output for run in self.execution.node_executions.get(key, ()) if run.status == "completed"]

    def shows(self, trace: str) -> None:
        """It went exactly so: the runs in order, and what became of those that were not completed.

        Where several calls may be under way at once their order is open, and only the runs themselves are compared.
        """
        seen = [run.node_key if run.status == "completed" else f"{run.node_key}:{run.status}" for run in self.runs]
        wanted = trace.split()
        if self.max_concurrency > 1:
            seen, wanted = sorted(seen), sorted(wanted)
        assert seen == wanted

    def survives_every_crash(self) -> None:
        """Played again with the same requests and a crash before or after any commit, it comes to the same."""
        calm, _ = simulate_every_crash(
            self.workflow,
            self.value,
            nodes=NODES,
            workflows=self.workflows,
            requests=self.steps,
            max_concurrency=self.max_concurrency,
        )
        assert calm.execution.status == self.status


class Stage:
    """Where plays are put on; it remembers them."""

    def __init__(self, max_concurrency: int) -> None:
        self.max_concurrency = max_concurrency
        self.plays: list[Play] = []

    def __call__(self, make: Making, value: Any = None, *, workflows: tuple[Workflow, ...] = ()) -> Play:
        play = Play(make(), value, self.max_concurrency, workflows)
        self.plays.append(play)
        return play
