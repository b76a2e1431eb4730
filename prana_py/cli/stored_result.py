"""What came of driving an execution that is kept: for people some lines, for programs one object."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from prana_py.cli.exit_codes import OF_STATUS, SUSPENDED
from prana_py.cli.picture import show_picture
from prana_py.cli.result import as_data, show_status, wait_data
from prana_py.cli.running import Ran
from prana_py.cli.screen import NoScreen, Screen, screen_for
from prana_py.cli.values import print_json
from prana_py.cli.waits import ANSWERABLE, OpenWait, family_waits
from prana_py.engine.engine import Engine
from prana_py.errors import PranaError
from prana_py.execution.execution import Execution
from prana_py.identifiers import ExecutionId


def tell(engine: Engine, execution: Execution, arguments: Namespace) -> int:
    """Show what an execution came to, and give the exit code that says so."""
    waits = waits_of(engine, execution)
    if arguments.json:
        print_json(execution_data(execution, waits), sys.stdout)
    else:
        _show(execution, waits, arguments)
    return OF_STATUS.get(execution.status, SUSPENDED)


def execution_data(execution: Execution, waits: Sequence[OpenWait]) -> dict[str, Any]:
    """The execution as one object; a wait tells whose it is, for it may be a sub-workflow's."""
    open_waits = [{**wait_data(wait), "wait": wait.suspension.wait_id} for wait in waits]
    named = [{"execution_id": wait.execution.id, **data} for wait, data in zip(waits, open_waits, strict=True)]
    return {**as_data(Ran(execution, [])), "waits": named}


def waits_of(engine: Engine, execution: Execution) -> list[OpenWait]:
    """What an execution and the sub-workflows under it wait for."""

    def kept(execution_id: ExecutionId) -> Execution | None:
        try:
            return engine.get(execution_id)
        except PranaError:  # it has not begun, or cannot be read: its parent's wait says that it is not over
            return None

    return list(family_waits(execution, kept))


def _show(execution: Execution, waits: list[OpenWait], arguments: Namespace) -> None:
    terminal = screen_for(sys.stderr)
    is_done = execution.status == "completed"
    show_picture(NoScreen() if arguments.quiet else terminal, execution)
    told: Screen = NoScreen() if arguments.quiet and is_done else terminal
    show_status(told, execution, traceback=arguments.traceback, name=f"{execution.id}: ")
    show_waits(told, waits)
    if is_done:
        print_json(execution.output, sys.stdout)


def show_waits(screen: Screen, waits: Sequence[OpenWait]) -> None:
    """What is waited for, and how to answer it."""
    for wait in waits:
        child = f" of {wait.execution.workflow_id}" if wait.execution.parent_execution_id is not None else ""
        screen.line("  ", (wait.suspension.wait_id, "bold"), f"{child} waits for {wait.told}")
    answerable = [wait for wait in waits if wait.suspension.type in ANSWERABLE]
    if not answerable:
        return
    first = answerable[0]
    several = len(first.execution.suspensions) > 1
    named = f" --wait-id '{first.suspension.wait_id}'" if several else ""
    screen.line("  To answer: ", (f"prana resume {first.execution.id}{named} --data '{{}}'", "bold"))
