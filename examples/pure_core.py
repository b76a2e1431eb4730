"""The core in a loop of one's own: no engine, no runtime. What has happened is kept as rows; the rest is computed.

An application keeps its graphs compiled, starts executions, stores what happened, and later – maybe in another process
– loads, resumes and goes on. Clock, ids and storage are its own. (Sub-workflows need the runtime's loop, or yours.)
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from prana_py import (
    Catalog,
    Execution,
    ExecutionGraph,
    WorkflowBuilder,
    compile_workflow,
    node,
    wait_for_signal,
)
from prana_py.builtin_nodes.all_nodes import with_builtin
from prana_py.engine.core import (
    Await,
    Invocation,
    Launch,
    Rest,
    Resume,
    Row,
    Waiting,
    Write,
    advance,
    as_instant,
    call_node,
    decide,
    encode_row,
    load_rows,
    next_due,
    prepare,
    row_for,
    row_of,
)
from prana_py.execution.activation import Activation
from prana_py.identifiers import ExecutionId, Instant


@node
def wait_for_payment() -> Waiting:
    """Wait until somebody says that the money is there."""
    return wait_for_signal("paid", timeout=timedelta(days=14))


@node
def send(item: str, amount: int) -> str:
    """Send what was paid for."""
    return f"{item}, paid {amount}"


NODES: Catalog = with_builtin(wait_for_payment, send)

flow = WorkflowBuilder("sale")
flow.add(wait_for_payment).then(flow.add(send, item="{{ $vars.item }}", amount="{{ $input.amount }}"))
workflow = flow.build()


@cache
def graph_of(workflow_id: str) -> ExecutionGraph:
    """The graph cache: each workflow is compiled once."""
    return compile_workflow({"sale": workflow}[workflow_id], NODES)


JOURNALS: dict[ExecutionId, list[bytes]] = {}
"""The store: for each execution its rows, in order. A table with (execution, position) as its key does as well."""


class Host:
    """One execution, and what this application does when something happens to it."""

    def __init__(self, execution: Execution, now: Instant) -> None:
        self.execution = execution
        self.now = now

    def write(self, row: Row) -> None:
        """Apply a row, with what follows from it, and store it."""
        self.execution, row = advance(self.execution, row)
        JOURNALS[self.execution.id].append(encode_row(row))

    def go_on(self) -> Execution:
        """Do what the execution says should happen next, until it has ended or only waits."""
        while True:
            match decide(self.execution, {}, capacity=1, now=self.now, due=next_due(self.execution)):
                case Write(row):
                    self.write(row)
                case Launch((activation,)):
                    self.run(activation)
                case Await() | Rest():
                    return self.execution

    def run(self, activation: Activation) -> None:
        """Call a node, here and now."""
        call = prepare(self.execution, activation, self.now)
        params = None
        outcome: Any = call
        if isinstance(call, Invocation):
            params = call.params
            outcome = call_node(NODES.get(call.node_type), call)  # an async node would give something to await
        self.write(row_of(self.execution, activation, outcome, started_at=self.now, at=self.now, params=params))


def start(workflow_id: str, execution_id: ExecutionId, now: Instant, item: str) -> Execution:
    """Begin, and go as far as it goes."""
    graph = graph_of(workflow_id)
    execution = Execution.new(graph, execution_id=execution_id, now=now, variables={"item": item})
    JOURNALS[execution_id] = [encode_row(row) for row in execution.journal]
    return Host(execution, now).go_on()


def resume(workflow_id: str, execution_id: ExecutionId, now: Instant, data: object) -> Execution:
    """Load, tell it what it waited for, and go on."""
    execution = load_rows(graph_of(workflow_id), JOURNALS[execution_id])
    (wait_id,) = execution.suspensions
    host = Host(execution, now)
    host.write(row_for(execution, Resume(wait_id, data), now))
    return host.go_on()


if __name__ == "__main__":
    monday = as_instant(datetime(2030, 1, 7, 9, tzinfo=UTC))
    friday = as_instant(datetime(2030, 1, 11, 17, tzinfo=UTC))

    execution = start("sale", "sale-1", monday, "a lamp")
    print(execution.status, len(JOURNALS["sale-1"]), "rows")

    execution = resume("sale", "sale-1", friday, {"amount": 30})
    print(execution.status, "–", execution.output)
