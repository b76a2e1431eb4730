"""What one can ask of a runtime. A plain one gives the execution, an async one something to await."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from prana_py.driver.debugging import Entry
from prana_py.driver.program import Program
from prana_py.driver.requests import AddItems, Cancel, Request, Resume, Signal
from prana_py.execution.beginning import DEFAULT_START, StartOptions
from prana_py.execution.execution import Execution
from prana_py.graph.execution_graph import ExecutionGraph
from prana_py.identifiers import ExecutionId, NodeKey, WaitId
from prana_py.model.workflow import Workflow
from prana_py.runtimes.base import Runtime, only_wait

Given = TypeVar("Given")


class Verbs(Runtime, Generic[Given]):
    """The verbs of every runtime; each is one program, performed by ``run``."""

    @abstractmethod
    def run(self, program: Program[Execution]) -> Given:
        """Perform a program."""

    def execute(self, workflow: Workflow | ExecutionGraph, value: Any = None, **start: Any) -> Given:
        """Start an execution and drive it to rest. A node's failure is in the execution; it is not raised."""
        return self.run(self.starting(workflow, value, StartOptions(**start) if start else DEFAULT_START))

    def resume(self, execution: Execution, data: Any = None, *, wait_id: WaitId | None = None) -> Given:
        """Resolve an open wait (the only one, unless one is named) and drive on."""
        return self.run(self.going_on(execution, (Resume(wait_id or only_wait(execution), data),)))

    def signal(self, execution: Execution, name: str, data: Any = None, *, buffer: bool = True) -> Given:
        """Send a named signal, and drive on."""
        return self.run(self.going_on(execution, (Signal(name, data, buffer),)))

    def cancel(self, execution: Execution, reason: str = "cancelled") -> Given:
        """End an execution: what is under way is asked to stop, and completed nodes are compensated."""
        return self.run(self.going_on(execution, (Cancel(reason),)))

    def ask(self, execution: Execution, *requests: Request) -> Given:
        """Meet any requests, in order, and drive on."""
        return self.run(self.going_on(execution, requests))

    def add_items(
        self, execution: Execution, node: NodeKey, items: Iterable[Any] = (), *, close: bool = False
    ) -> Given:
        """Give an open scope owner more items, or tell it that there will be no more, and drive on."""
        return self.run(self.going_on(execution, (AddItems(node, tuple(items), close),)))

    def wake(self, execution: Execution) -> Given:
        """Fire what has come due, and drive on: after a load, or when a timer's instant has come."""
        return self.run(self.going_on(execution))

    def run_node(self, execution: Execution, node: NodeKey, **entry: Any) -> Given:
        """Run one node by hand, with ``value`` if that is given; what follows may start, but does not."""
        return self.run(self.running_node(execution, Entry(node=node, **entry)))

    def run_from(self, execution: Execution, node: NodeKey, **entry: Any) -> Given:
        """Run a node by hand and all that follows; ``outputs`` stand for what nodes before it would have given."""
        return self.run(self.running_from(execution, Entry(node=node, **entry)))

    def retry(self, execution: Execution) -> Given:
        """A new execution that shares the past of one that failed or was cancelled, and goes on from there."""
        return self.run(self.retrying(execution))

    def kept(self, execution_id: ExecutionId) -> Execution | None:
        """The newest value of an execution that this runtime remembers: children, and parents of such."""
        return self._kept.get(execution_id)
