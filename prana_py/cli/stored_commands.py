"""Which function does what the arguments of a command on a store say."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Final

from prana_py.cli.clockwork import go_on, list_schedules, pause
from prana_py.cli.driving import cancel, fork, resume, retry, signal, start
from prana_py.cli.handing_over import export, import_, migrate_execution, prune
from prana_py.cli.looking import list_executions, release, show
from prana_py.cli.published import list_workflows, publish, show_workflow
from prana_py.cli.schema import migrate
from prana_py.cli.working import work

_COMMANDS: Final[Mapping[str, Callable[[Namespace], int]]] = {
    "start": start,
    "resume": resume,
    "signal": signal,
    "worker": work,
    "executions list": list_executions,
    "executions show": show,
    "executions cancel": cancel,
    "executions retry": retry,
    "executions fork": fork,
    "executions release": release,
    "executions export": export,
    "executions import": import_,
    "executions migrate": migrate_execution,
    "executions prune": prune,
    "workflows list": list_workflows,
    "workflows show": show_workflow,
    "workflows publish": publish,
    "schedules list": list_schedules,
    "schedules pause": pause,
    "schedules resume": go_on,
    "migrate": migrate,
}


def done(arguments: Namespace) -> int:
    """Do it, and give the exit code."""
    name = f"{arguments.command} {getattr(arguments, 'action', '')}".strip()
    return _COMMANDS[name](arguments)
