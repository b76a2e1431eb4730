"""The commands that look at executions in a store, and ``prana executions release``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from prana_py.cli.exit_codes import OK
from prana_py.cli.picture import show_picture
from prana_py.cli.result import STYLES, all_runs, run_data, show_error
from prana_py.cli.screen import Screen, screen_for
from prana_py.cli.store_engine import open_engine
from prana_py.cli.stored_result import execution_data, waits_of
from prana_py.cli.tables import show_table
from prana_py.cli.values import print_json, short
from prana_py.cli.waits import OpenWait, read_moment
from prana_py.cli.words import counted, in_words
from prana_py.engine.engine import Engine
from prana_py.errors import CompileError, PranaError
from prana_py.execution.execution import Execution
from prana_py.execution.node_execution import NodeExecution
from prana_py.execution.rows import CancelRequested
from prana_py.stores.listing import ExecutionSummary, summaries
from prana_py.stores.records import Header

_WITH_TOKENS: Final = frozenset({"webhook"})


# ── many ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def list_executions(arguments: Namespace) -> int:
    """``prana executions list``: a page of executions."""
    with open_engine(arguments) as engine:
        page = engine.list(
            workflow=arguments.workflow,
            status=arguments.status,
            parent=arguments.parent,
            trigger_type=arguments.trigger_type,
            started_after=arguments.started_after,
            started_before=arguments.started_before,
            quarantined=True if arguments.quarantined else None,
            limit=arguments.limit,
            after=arguments.after,
        )
    if arguments.json:
        print_json(msgspec.to_builtins(page), sys.stdout)
        return OK
    show_table(screen_for(sys.stdout), ("execution", "workflow", "status", "started", ""), map(_listed, page))
    if page.next is not None:
        screen_for(sys.stderr).line("there are more: ", (f"--after {page.next}", "bold"))
    return OK


def _listed(one: ExecutionSummary) -> tuple[str, ...]:
    return (one.id, _named_workflow(one), one.status, read_moment(one.created_at), _remark(one))


def _named_workflow(one: ExecutionSummary) -> str:
    return one.workflow_id if one.workflow_version is None else f"{one.workflow_id} {one.workflow_version}"


def _remark(one: ExecutionSummary) -> str:
    """What else is to be known at a glance."""
    if one.quarantine is not None:
        return "in quarantine"
    if one.is_driven:
        return "under way"
    if one.ended_at is not None:
        return f"took {in_words((one.ended_at - one.created_at).total_seconds())}"
    return "" if one.wake_at is None else f"goes on at {read_moment(one.wake_at)}"


# ── one ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def show(arguments: Namespace) -> int:
    """``prana executions show``: all that is known of an execution."""
    with open_engine(arguments) as engine:
        shown = _Shown(engine, arguments)
        if arguments.json:
            print_json(shown.data(), sys.stdout)
        else:
            shown.tell(screen_for(sys.stdout))
    return OK


def release(arguments: Namespace) -> int:
    """``prana executions release``: out of quarantine."""
    with open_engine(arguments) as engine:
        freed = engine.release_quarantined(arguments.execution)
    if arguments.json:
        print_json({"execution_id": arguments.execution, "released": freed}, sys.stdout)
    else:
        became = "may be driven again" if freed else "is not in quarantine"
        screen_for(sys.stdout).line(f"{arguments.execution} {became}")
    return OK


class _Shown:
    """An execution, as far as it can be read: what its header says can be always."""

    def __init__(self, engine: Engine, arguments: Namespace) -> None:
        self.engine = engine
        self.with_tokens: bool = arguments.token
        self.with_traceback: bool = arguments.traceback
        header: Header = engine.header(arguments.execution)
        self.summary = next(summaries([header]))
        self.execution: Execution | None = None
        self.waits: Sequence[OpenWait] = ()
        self.runs: Sequence[NodeExecution] = ()
        self.rows = 0
        self.reason: str | None = None
        """Why somebody wanted it to end."""
        self.trouble: PranaError | None = None
        """Why the rest is not there."""
        try:
            self._read(arguments.at)
        except CompileError as error:
            self.trouble = error
        except PranaError as error:
            if arguments.at is not None:
                raise
            self.trouble = error

    def _read(self, at: int | None) -> None:
        execution_id = self.summary.id
        self.execution = self.engine.get(execution_id, at=at)
        self.waits = waits_of(self.engine, self.execution)
        history = self.engine.history(execution_id)
        self.rows = len(history.steps)
        reasons = [step.row.reason for step in history.steps[:at] if isinstance(step.row, CancelRequested)]
        self.reason = reasons[0] if reasons else None
        self.runs = history.node_executions if at is None else all_runs(self.execution)

    def data(self) -> dict[str, Any]:
        """As one object."""
        told: dict[str, Any] = {"execution": msgspec.to_builtins(self.summary)}
        if self.execution is None:
            return {**told, "unreadable": None if self.trouble is None else self.trouble.details()}
        told |= execution_data(self.execution, self.waits)
        told["node_executions"] = [run_data(run) for run in self.runs]
        told |= {"position": self.execution.position, "rows": self.rows, "cancel_reason": self.reason}
        if self.with_tokens:
            told["tokens"] = {wait.suspension.wait_id: self._token(wait) for wait in self._tokened()}
        return told

    def tell(self, screen: Screen) -> None:
        """For people."""
        execution = self.execution
        status = self.summary.status if execution is None else execution.status
        screen.line((self.summary.id, "bold"), ": ", (status, STYLES.get(status, "bold")))
        self._tell_header(screen)
        if execution is None:
            self._tell_trouble(screen)
            return
        for wait in self.waits:
            self._tell_wait(screen, wait)
        if execution.error is not None:
            show_error(screen, execution.error, traceback=self.with_traceback)
        if self.runs:
            screen.line()
            show_table(screen, ("run", "status", "took", "output"), map(_run, self.runs), indent="  ")
        show_picture(screen, execution)

    def _tell_header(self, screen: Screen) -> None:
        one = self.summary
        told = {
            "workflow": _named_workflow(one),
            "started": f"{read_moment(one.created_at)}, by {one.trigger_type}",
            "ended": None if one.ended_at is None else read_moment(one.ended_at),
            "parent": one.parent_id,
            "schedule": one.schedule_id,
            "driven": "just now" if one.is_driven else None,
            "goes on": None if one.wake_at is None else read_moment(one.wake_at),
            "crashes": counted(one.crashes, "time") + " in a row at the same place" if one.crashes else None,
            "quarantine": one.quarantine,
            "cancelled": self.reason,
            "journal": self._rows(),
        }
        for name, value in told.items():
            if value is not None:
                screen.line(f"  {name.ljust(11)} {value}")

    def _rows(self) -> str | None:
        if self.execution is None:
            return None
        at = self.execution.position
        return counted(self.rows, "row") if at == self.rows else f"as it was at row {at} of {self.rows}"

    def _tell_trouble(self, screen: Screen) -> None:
        if isinstance(self.trouble, CompileError):
            screen.line("  What ran can be shown with its node types: ", ("--nodes MODULE", "bold"))
        elif self.trouble is not None and self.summary.quarantine is None:
            screen.line("  ", (self.trouble.message, "yellow"))

    def _tell_wait(self, screen: Screen, wait: OpenWait) -> None:
        whose = "" if wait.execution.id == self.summary.id else f" of {wait.execution.workflow_id} {wait.execution.id}"
        screen.line("  ", (wait.suspension.wait_id, "bold"), f"{whose} waits for {wait.told}")
        if self.with_tokens and wait.suspension.type in _WITH_TOKENS:
            screen.line(f"    {self._token(wait)}")

    def _tokened(self) -> list[OpenWait]:
        return [wait for wait in self.waits if wait.suspension.type in _WITH_TOKENS]

    def _token(self, wait: OpenWait) -> str:
        return self.engine.token(wait.execution, wait.suspension.wait_id)


def _run(run: NodeExecution) -> tuple[str, ...]:
    items = "".join(f"[{item}]" for _, _, item in run.scope)
    again = f" ({run.run_index + 1})" if run.run_index else ""
    started, ended = run.started_at, run.completed_at
    took = "" if started is None or ended is None else in_words((ended - started).total_seconds())
    attempt = f" at attempt {run.attempt}" if run.attempt > 1 else ""
    output = "" if run.output is None else short(run.output)
    return f"{run.node_key}{items}{again}", f"{run.status}{attempt}", took, output
