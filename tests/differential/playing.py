"""A runtime whose calls are answered in the order that the test chooses, and which shows the test every row."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

from prana_py.driver.drive import Options, run_to_rest
from prana_py.driver.effects import Abandon, Answer, Commit, Done, Notify, Perform, ReadClock, Report
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Failed, Outcome
from prana_py.driver.requests import Request, Resume
from prana_py.execution.beginning import new_execution
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.rows import Row, RunKey
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import Instant, WaitId

Answering: TypeAlias = Callable[[Invocation], Outcome]
Watching: TypeAlias = Callable[[Execution, Row, Execution], None]

CANCELLED = Failed(NodeError(code="cancelled", message="asked to stop", retryable=False), cancelled=True)


class Player:
    """Drives one execution. Without a ``random`` waits are resolved, the oldest first, when nothing else is left."""

    def __init__(
        self,
        graph: ExecutionGraph,
        answering: Answering,
        watching: Watching,
        *,
        random: Random | None = None,
        max_concurrency: int = 1,
    ) -> None:
        self.answering = answering
        self.watching = watching
        self.random = random
        self.options = Options(max_concurrency=max_concurrency, commits=True)
        self.now = 0
        self.calls: dict[RunKey, Invocation] = {}
        self.abandoned: set[RunKey] = set()
        self.execution = new_execution(graph, execution_id="e", now=Instant(0))

    def play(self) -> Execution:
        """Drive until it has ended."""
        requests: tuple[Request, ...] = ()
        while True:
            program = run_to_rest(self.execution, self.options, requests=requests)
            reply: Any = None
            try:
                while True:
                    reply = self._perform(program.send(reply))
            except StopIteration as stop:
                self.execution = stop.value
            if self.execution.is_final:
                return self.execution
            requests = (Resume(self._wait()),)

    def _wait(self) -> WaitId:
        """The wait to resolve next."""
        waits = sorted(self.execution.suspensions.values(), key=lambda wait: (wait.suspended_at, wait.wait_id))
        return self.random.choice(waits).wait_id if self.random else waits[0].wait_id

    def _tick(self) -> Instant:
        self.now += 1
        return Instant(self.now)

    def _perform(self, effect: Any) -> Any:
        match effect:
            case Invocation():
                at = self._tick()
                return Answer(self.answering(effect), at, at)
            case Commit(execution=after, row=row):
                before, self.execution = self.execution, after
                self.watching(before, row, after)
            case Perform(invocations=calls):
                self.calls |= {(call.node_key, call.scope, call.run): call for call in calls}
                return self._report()
            case Abandon(keys=keys):
                self.abandoned.update(keys)
            case ReadClock():
                return self._tick()
            case Notify():
                pass
            case _:
                raise AssertionError(f"nobody performs {effect}")
        return None

    def _report(self) -> Report:
        """One thing happens: a call is answered, or a wait is resolved."""
        at = self._tick()
        keys: list[Any] = list(self.calls)
        if self.random is not None and self.execution.suspensions and self.random.random() < 0.2:
            return Report(at, requests=(Resume(self._wait()),))
        key = self.random.choice(keys) if self.random is not None else keys[0]
        call = self.calls.pop(key)
        outcome = self.answering(call)
        if key in self.abandoned:
            self.abandoned.remove(key)
            outcome = CANCELLED if at % 2 else outcome  # asked to stop, it may stop or answer too late
        return Report(at, (Done(key, outcome, at, at),))
