"""A runtime for tests: answers come from a script, time is virtual, and every call is remembered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from prana_py.driver.decide import next_due
from prana_py.driver.invocation import Invocation
from prana_py.driver.outcome import Outcome, failed
from prana_py.driver.program import Program
from prana_py.errors import TransitionError, UsageError
from prana_py.execution.execution import Execution
from prana_py.execution.suspension import nanoseconds
from prana_py.identifiers import NodeKey
from prana_py.nodes.answers import answer_to_outcome
from prana_py.nodes.failures import failure
from prana_py.testing.counted_ids import CountedIds
from prana_py.testing.virtual import Played, VirtualRuntime


class TestingRuntime(VirtualRuntime):
    """Drives executions whose nodes answer as they were told to; those that were told nothing run, or fail.

    ``execute`` and the other verbs are those of ``LocalRuntime``. What a call takes passes in virtual time, and so do
    short delays; ``jump`` goes on to the next instant that an execution waits for.
    """

    __test__ = False

    def __init__(self, nodes: Any = (), *, run_unscripted: bool = True, **options: Any) -> None:
        options.setdefault("ids", CountedIds())
        super().__init__(nodes, **options)
        self.run_unscripted = run_unscripted
        """Whether nodes that nothing was set for run their own code; else they fail with ``not_scripted``."""
        self.calls: list[Invocation] = []
        """Every call, in order, with all that the node was given."""
        self._responses: dict[NodeKey, list[Any]] = {}
        self._errors: dict[tuple[NodeKey, int | None], Exception] = {}
        self._durations: dict[NodeKey, int] = {}

    # ── the script ────────────────────────────────────────────────────────────────────────────────────────────────

    def set_node_response(self, node_key: NodeKey, answer: Any) -> None:
        """What a node answers: a value, ``Output(…)``, a wait. Of a list, each call gets one, and the last one stays.

        ``Output([…])`` answers with a list.
        """
        answers = answer if isinstance(answer, list) else [answer]
        if not answers:
            raise UsageError(f"the list of answers of node {node_key!r} is empty; give at least one")
        self._responses[node_key] = answers

    def set_node_error(self, node_key: NodeKey, error: Exception, *, call: int | None = None) -> None:
        """What a node raises: on every call, or on this one only, counted from 1."""
        self._errors[(node_key, call)] = error

    def set_node_duration(self, node_key: NodeKey, duration: timedelta | float) -> None:
        """How long each call of a node takes, in virtual time; a number is in seconds."""
        took = duration if isinstance(duration, timedelta) else timedelta(seconds=duration)
        self._durations[node_key] = nanoseconds(took)

    def jump(self, execution: Execution) -> Execution:
        """Go to the next instant that an execution waits for, and drive it on."""
        due = next_due(execution)
        if execution.is_final or due is None:
            raise TransitionError(f"execution {execution.id!r} is {execution.status} and waits for no instant")
        self.clock.advance_to(due)
        return self.wake(execution)

    # ── what happened ─────────────────────────────────────────────────────────────────────────────────────────────

    def get_execution_order(self) -> list[NodeKey]:
        """The nodes that were called, in order; triggers and resumptions are not counted."""
        return [call.node_key for call in self._told_calls()]

    def get_node_call_count(self, node_key: NodeKey) -> int:
        """How often a node was called, attempts included."""
        return sum(call.node_key == node_key for call in self.calls if call.call == "execute")

    def get_node_inputs(self, node_key: NodeKey) -> list[Any]:
        """The input of each call of a node."""
        return [call.input for call in self.calls if call.node_key == node_key and call.call == "execute"]

    def _told_calls(self) -> list[Invocation]:
        return [call for call in self.calls if call.call == "execute" and not self.node_type(call).spec.is_trigger]

    # ── playing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def play(self, invocation: Invocation) -> Played:
        key = invocation.node_key
        self.calls.append(invocation)
        duration = self._durations.get(key, 0)
        if invocation.call != "execute":
            return Played(self.outcome_of(invocation), duration)
        number = self.get_node_call_count(key)
        error = self._errors.get((key, number), self._errors.get((key, None)))
        if error is not None:
            return Played(failure(error), duration)
        if key in self._responses:
            answers = self._responses[key]
            answer = answers[min(number, len(answers)) - 1]
            return Played(answer_to_outcome(answer, self.node_type(invocation).spec), duration)
        return Played(self._unscripted(invocation), duration)

    def _unscripted(self, invocation: Invocation) -> Outcome:
        if self.run_unscripted or self.node_type(invocation).spec.is_trigger:
            return self.outcome_of(invocation)
        message = f"nothing was set for node {invocation.node_key!r}; set_node_response says what it answers"
        return failed("not_scripted", message, retryable=False)

    def starting(self, workflow: Any, value: Any, start: Any) -> Program[Execution]:
        """Scripts that name nodes which the workflow does not have are refused."""
        graph = self.graph_of(workflow)
        named = {*self._responses, *self._durations, *(key for key, _ in self._errors)}
        self._refuse_unknown(named - graph.nodes.keys(), graph.nodes)
        return super().starting(graph, value, start)

    def _refuse_unknown(self, unknown: set[NodeKey], known: Any) -> None:
        if unknown:
            names = ", ".join(sorted(map(repr, unknown)))
            raise UsageError(f"the script names {names}, but the workflow has only {', '.join(map(repr, known))}")
