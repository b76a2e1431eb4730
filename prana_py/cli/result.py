"""What came of a run: for people some lines, for programs one object."""

from __future__ import annotations

from typing import Any

from prana_py.cli.running import Ran
from prana_py.cli.screen import Screen
from prana_py.cli.waits import ANSWERABLE, OpenWait
from prana_py.cli.words import counted, failure_in_words, in_words
from prana_py.execution.execution import Execution
from prana_py.execution.node_error import NodeError
from prana_py.execution.node_execution import Attempt, NodeExecution
from prana_py.execution.suspension import as_datetime
from prana_py.identifiers import scope_text

STYLES = {"completed": "bold green", "failed": "bold red", "suspended": "bold cyan", "cancelled": "bold yellow"}


def show_result(screen: Screen, ran: Ran, *, traceback: bool) -> None:
    """The status with its numbers, and what went wrong or is waited for."""
    show_status(screen, ran.execution, traceback=traceback)
    if ran.waits:
        _show_waits(screen, ran.waits)


def show_status(screen: Screen, execution: Execution, *, traceback: bool, name: str = "") -> None:
    """The status of an execution with its numbers, and what went wrong; its name, where there are others."""
    runs = all_runs(execution)
    taken = in_words((execution.last_at - execution.identity.started_at) / 1e9)
    told = [counted(len(runs), "node run")]
    if retries := sum(len(run.attempts) for run in runs):
        told.append(counted(retries, "retry", "retries"))
    screen.line(name, (execution.status, STYLES.get(execution.status, "bold")), f" in {taken}: {', '.join(told)}")
    if execution.error is not None:
        show_error(screen, execution.error, traceback=traceback)


def as_data(ran: Ran) -> dict[str, Any]:
    """The run as one object."""
    execution = ran.execution
    return {
        "status": execution.status,
        "output": execution.output,
        "error": _error_data(execution.error),
        "execution_id": execution.id,
        "workflow_id": execution.workflow_id,
        "workflow_version": execution.workflow_version,
        "started_at": execution.started_at,
        "completed_at": execution.completed_at,
        "waits": [wait_data(wait) for wait in ran.waits],
        "node_executions": [run_data(run) for run in all_runs(execution)],
    }


def all_runs(execution: Execution) -> list[NodeExecution]:
    """Every run of every node, in the order in which they began."""
    runs = [run for runs in execution.node_executions.values() for run in runs]
    return sorted(runs, key=lambda run: run.execution_index)


def show_error(screen: Screen, error: NodeError, *, traceback: bool) -> None:
    """What went wrong, and where."""
    who = f"node {error.node_key!r}" if error.node_key is not None else "the execution"
    attempt = f" at attempt {error.attempt}" if (error.attempt or 1) > 1 else ""
    screen.line(
        "  ", (f"{who} failed{attempt}: {failure_in_words(error.as_data())}", "red"), (f" [{error.code}]", "dim")
    )
    if error.traceback is None:
        return
    if traceback:
        for line in error.traceback.rstrip().splitlines():
            screen.line("  ", (line, "dim"))
    elif error.code != "params_invalid" and not str(error.details.get("exception", "")).endswith(".NodeFailure"):
        screen.line("  --traceback shows where in its code")


def _show_waits(screen: Screen, waits: list[OpenWait]) -> None:
    for wait in waits:
        screen.line("  ", (wait.name, "bold"), f" waits for {wait.told}")
    answerable = [wait.name for wait in waits if wait.suspension.type in ANSWERABLE]
    if answerable:
        screen.line("  Nothing is kept: to answer, run it again with ", (f"--resume '{answerable[0]}={{}}'", "bold"))
    if any(wait.suspension.wait.wait_till is not None for wait in waits):
        screen.line("  To let the time pass, run it with ", ("--wait SECONDS", "bold"))


def wait_data(wait: OpenWait) -> dict[str, Any]:
    """An open wait as one object."""
    suspension = wait.suspension
    return {
        "wait": wait.name,
        "type": suspension.type,
        "node_key": suspension.node_key,
        "scope": scope_text(suspension.scope),
        "run_index": suspension.run_index,
        "wait_till": suspension.wait_till,
        "signal": getattr(suspension.wait, "name", None) if suspension.type == "signal" else None,
    }


def run_data(run: NodeExecution) -> dict[str, Any]:
    """A run of a node as one object."""
    return {
        "node_key": run.node_key,
        "scope": scope_text(run.scope),
        "run_index": run.run_index,
        "execution_index": run.execution_index,
        "status": run.status,
        "attempt": run.attempt,
        "params": run.params,
        "output": run.output,
        "output_ports": run.output_ports,
        "error": _error_data(run.error),
        "attempts": [_attempt_data(attempt) for attempt in run.attempts],
        "started_at": run.started_at,
        "completed_at": run.completed_at,
    }


def _attempt_data(attempt: Attempt) -> dict[str, Any]:
    return {"attempt": attempt.attempt, "error": _error_data(attempt.error), "at": as_datetime(attempt.at)}


def _error_data(error: NodeError | None) -> dict[str, Any] | None:
    return None if error is None else error.as_data()
