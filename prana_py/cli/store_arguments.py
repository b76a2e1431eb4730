"""The arguments of the commands that work on a store, and what their help says."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, _SubParsersAction
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from prana_py.cli.quantities import count, position, seconds

Commands: TypeAlias = "_SubParsersAction[Any]"

_STATUSES: Final = ("pending", "running", "suspended", "completed", "failed", "cancelled")

_SOURCE: Final = "FILE.json, FILE.yaml, FILE.py[:NAME], MODULE:NAME, or - for JSON on the standard input"


def add_store_commands(commands: Commands) -> None:
    """Whatever is kept, driven and looked at in a store."""
    _start(commands)
    _resume(commands)
    _signal(commands)
    _worker(commands)
    _executions(_group(commands, "executions", "look at executions in a store, and change what becomes of them"))
    _workflows(_group(commands, "workflows", "look at the workflows in a store, and publish others"))
    _schedules(_group(commands, "schedules", "look at when the clock starts workflows, and pause that"))
    _migrate(commands)


def _group(commands: Commands, name: str, told: str) -> Commands:
    group = commands.add_parser(name, help=told, description=f"{told[0].upper()}{told[1:]}.")
    actions: Commands = group.add_subparsers(dest="action", metavar="ACTION", required=True)
    return actions


def _command(
    commands: Commands, name: str, told: str, more: str = "", *, json: bool = True, nodes: bool = True
) -> ArgumentParser:
    """A command on a store: each one knows where that is, and most which node types there are."""
    described = f"{told[0].upper()}{told[1:]}. {more}".rstrip()
    command: ArgumentParser = commands.add_parser(name, help=told, description=described)
    command.add_argument(
        "--db",
        metavar="STORE",
        help="a file, sqlite:///file.db or postgresql://user@host/database; if it is not given, PRANA_DB",
    )
    if nodes:
        command.add_argument(
            "--nodes",
            action="append",
            default=[],
            metavar="MODULE[:NAME]",
            help="node types of yours: a module or FILE.py, or one name in it (repeatable); PRANA_NODES adds others",
        )
    if json:
        command.add_argument("--json", action="store_true", help="print one object instead")
    return command


def _driving(command: ArgumentParser) -> None:
    """What may make calls, and shows them."""
    command.add_argument(
        "--max-concurrency", type=count, default=1, metavar="N", help="nodes that may be at work at once (default 1)"
    )
    command.add_argument("--quiet", "-q", action="store_true", help="no progress and no picture")
    command.add_argument("--traceback", action="store_true", help="show where in its code a node failed")


# ── driving ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _start(commands: Commands) -> None:
    start = _command(
        commands,
        "start",
        "start an execution of a workflow, and drive it until it has ended or waits",
        "The workflow's output goes to the standard output, the rest to the standard error.",
    )
    start.add_argument("workflow", metavar="WORKFLOW", help=f"one that is published, by its id; or {_SOURCE}")
    start.add_argument("--input", "-i", metavar="JSON", help="what it starts with: JSON, @FILE, or -")
    start.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a variable: JSON, else text (repeatable)"
    )
    start.add_argument("--version", type=position, dest="workflow_version", metavar="N", help="the newest otherwise")
    start.add_argument("--trigger", metavar="NODE", help="where to begin, if the workflow has several triggers")
    start.add_argument("--key", metavar="KEY", help="start at most one execution of the workflow under this key")
    start.add_argument("--id", metavar="ID", dest="execution_id", help="what the execution is to be called")
    start.add_argument("--submit", action="store_true", help="only keep it, for a worker to start, and print its id")
    _driving(start)


def _resume(commands: Commands) -> None:
    resume = _command(commands, "resume", "answer what an execution waits for, and drive it on")
    resume.add_argument("wait", metavar="TOKEN_OR_ID", help="the wait's token, or the execution's id")
    resume.add_argument("--data", "-d", metavar="JSON", help="the answer: JSON, @FILE, or - for the standard input")
    resume.add_argument("--wait-id", metavar="WAIT", help="which of several open waits, if an id is given")
    _delivered(resume)
    _driving(resume)


def _signal(commands: Commands) -> None:
    signal = _command(
        commands, "signal", "send a signal to an execution, and drive it on", "It is kept until somebody waits for it."
    )
    signal.add_argument("execution", metavar="ID", help="the execution")
    signal.add_argument("name", metavar="NAME", help="the signal's name")
    signal.add_argument("--data", "-d", metavar="JSON", help="what comes with it: JSON, @FILE, or -")
    _delivered(signal)
    _driving(signal)


def _delivered(command: ArgumentParser) -> None:
    command.add_argument("--delivery-id", metavar="ID", help="the same one again has no second effect")


def _worker(commands: Commands) -> None:
    worker = _command(
        commands,
        "worker",
        "drive whatever is due in a store: what was submitted, timers, answers, and what processes that died have left",
        "SIGTERM and Ctrl-C let what is under way come to its next commit; a second one leaves at once.",
        json=False,
    )
    worker.add_argument("--concurrency", type=count, default=8, metavar="N", help="executions at a time (default 8)")
    worker.add_argument("--until-idle", action="store_true", help="end as soon as nothing is due")
    worker.add_argument(
        "--grace", type=seconds, default=10.0, metavar="SECONDS", help="for what is under way at the end (default 10)"
    )
    worker.add_argument("--quiet", "-q", action="store_true", help="tell only what goes wrong")


# ── executions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _executions(actions: Commands) -> None:
    _list(actions)
    _show(actions)
    cancel = _one(actions, "cancel", "end an execution; completed nodes are compensated")
    cancel.add_argument("--reason", metavar="TEXT", default="cancelled", help="is kept with it")
    _driving(cancel)
    _driving(_one(actions, "retry", "make an execution of one that failed or was cancelled, which goes on from there"))
    fork = _one(actions, "fork", "make an execution that shares the past of another one, and goes on by itself")
    fork.add_argument("--at", type=position, metavar="ROW", help="how many rows of its journal they share; else all")
    _driving(fork)
    _one(actions, "release", "let workers drive an execution again that is in quarantine", nodes=False)
    _handing_over(actions)
    _prune(actions)


def _handing_over(actions: Commands) -> None:
    export = _one(
        actions, "export", "write an execution as a JSON document, with all that is needed to go on elsewhere"
    )
    export.add_argument("--output", "-o", metavar="FILE", help="write it there instead of the standard output")
    imported = _command(actions, "import", "put in what was exported: all of it, or nothing")
    imported.add_argument("document", metavar="FILE", help="the document, or - for the standard input")
    migrate = _one(actions, "migrate", "move an execution to another version of its workflow, and drive it on there")
    migrate.add_argument("workflow_version", type=position, metavar="VERSION", help="the version")
    migrate.add_argument("--dry-run", action="store_true", help="only tell what is in the way; exit code 1: something")


def _prune(actions: Commands) -> None:
    prune = _command(
        actions, "prune", "throw away executions that have ended", "What lives is never touched.", nodes=False
    )
    add = prune.add_argument
    add("--older-than", type=seconds, metavar="DURATION", help="those that ended so long ago, such as 30d")
    add("--keep", type=_number, metavar="N", help="but not so many of the newest")
    add("--status", action="append", choices=_STATUSES[3:], metavar="STATUS", help="only these (repeatable)")
    add("--workflow", dest="workflow_id", metavar="ID", help="only those of this workflow")


def _one(actions: Commands, name: str, told: str, *, nodes: bool = True) -> ArgumentParser:
    command = _command(actions, name, told, nodes=nodes)
    command.add_argument("execution", metavar="ID", help="the execution")
    return command


def _list(actions: Commands) -> None:
    listed = _command(actions, "list", "list executions, the newest first", nodes=False)
    add = listed.add_argument
    add("--workflow", metavar="ID", help="only those of this workflow")
    add("--status", action="append", choices=_STATUSES, metavar="STATUS", help="one of these (repeatable)")
    add("--parent", metavar="ID", help="only those that this execution has started")
    add("--trigger-type", metavar="TYPE", help="only those that were started so, such as manual or schedule")
    add("--started-after", type=_instant, metavar="TIME", help="ISO 8601; without an offset it is UTC")
    add("--started-before", type=_instant, metavar="TIME", help="ISO 8601; without an offset it is UTC")
    add("--quarantined", action="store_true", help="only those that nobody drives any more")
    add("--limit", type=count, default=50, metavar="N", help="how many (default 50, at most 1000)")
    add("--after", metavar="CURSOR", help="go on where the page before ended")


def _show(actions: Commands) -> None:
    show = _one(actions, "show", "show an execution: what it waits for, what ran, and the picture of it")
    show.add_argument("--at", type=position, metavar="ROW", help="as it was when its journal had so many rows")
    show.add_argument("--token", action="store_true", help="the tokens of its waits, too: whoever has one can answer")
    show.add_argument("--traceback", action="store_true", help="show where in its code a node failed")


# ── workflows, and the store itself ──────────────────────────────────────────────────────────────────────────────────


def _workflows(actions: Commands) -> None:
    _command(actions, "list", "list the workflows in a store, each with its newest version", nodes=False)
    show = _command(actions, "show", "print a workflow as it was published", json=False, nodes=False)
    show.add_argument("workflow", metavar="ID", help="the workflow")
    show.add_argument("--version", type=position, dest="workflow_version", metavar="N", help="the newest otherwise")
    publish = _command(
        actions, "publish", "keep a workflow in a store", "What says the same as the newest version is that version."
    )
    publish.add_argument("workflow", metavar="WORKFLOW", help=_SOURCE)


def _schedules(actions: Commands) -> None:
    listed = _command(actions, "list", "list schedules, and when they fire", nodes=False)
    listed.add_argument("--workflow", dest="workflow_id", metavar="ID", help="only those of this workflow")
    for name, told in (("pause", "let a schedule fire no more"), ("resume", "let a schedule fire again, from now on")):
        command = _command(actions, name, told, nodes=False)
        command.add_argument("schedule", metavar="NAME", help="the schedule, as the list names it")


def _migrate(commands: Commands) -> None:
    migrate = _command(commands, "migrate", "bring the tables of a store up to this version of prana", nodes=False)
    migrate.add_argument("--check", action="store_true", help="change nothing; exit code 1 says that it is to be done")


def _number(text: str) -> int:
    return 0 if text == "0" else position(text)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no instant such as 2030-01-31T08:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
