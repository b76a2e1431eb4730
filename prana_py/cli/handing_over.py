"""Executions that leave a store, come into one, or move to another version of their workflow."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import redirect_stdout
from datetime import timedelta
from pathlib import Path

import msgspec

from prana_py.cli.exit_codes import FAILED, OK
from prana_py.cli.files import read_bytes, write_text
from prana_py.cli.refusals import show_problems
from prana_py.cli.screen import screen_for
from prana_py.cli.store_engine import open_engine
from prana_py.cli.values import as_json, print_json
from prana_py.cli.words import counted


def export(arguments: Namespace) -> int:
    """``prana executions export``: a document, with all that is needed to go on elsewhere."""
    with open_engine(arguments) as engine:
        document = engine.export(arguments.execution)
    if arguments.output is None:
        print_json(document, sys.stdout)
    else:
        write_text(Path(arguments.output), as_json(document) + "\n")
    return OK


def import_(arguments: Namespace) -> int:
    """``prana executions import``: what was exported."""
    document = sys.stdin.buffer.read() if arguments.document == "-" else read_bytes(Path(arguments.document))
    with open_engine(arguments, makes=True) as engine:
        imported = engine.import_(document)
    if arguments.json:
        print_json(msgspec.to_builtins(imported), sys.stdout)
        return OK
    screen = screen_for(sys.stdout)
    for execution_id in imported.executions:
        screen.line((execution_id, "bold"), " came in")
    if not imported.executions:
        screen.line("all of it was here already")
    return OK


def prune(arguments: Namespace) -> int:
    """``prana executions prune``: throw away what is over."""
    older_than = None if arguments.older_than is None else timedelta(seconds=arguments.older_than)
    statuses = {} if arguments.status is None else {"status": arguments.status}
    with open_engine(arguments) as engine:
        pruned = engine.prune(older_than=older_than, keep=arguments.keep, workflow=arguments.workflow_id, **statuses)
    if arguments.json:
        print_json(msgspec.to_builtins(pruned), sys.stdout)
    else:
        screen_for(sys.stdout).line(f"{counted(pruned.executions, 'execution')} thrown away")
    return OK


def migrate_execution(arguments: Namespace) -> int:
    """``prana executions migrate``: to another version of its workflow."""
    with open_engine(arguments) as engine, redirect_stdout(sys.stderr):
        moved = engine.migrate_execution(arguments.execution, arguments.workflow_version, dry_run=arguments.dry_run)
    execution, reasons = moved.execution, moved.reasons
    if arguments.json:
        told = {"execution_id": execution.id, "status": execution.status, "version": execution.workflow_version}
        print_json({**told, "reasons": msgspec.to_builtins(reasons)}, sys.stdout)
        return FAILED if reasons else OK
    screen = screen_for(sys.stdout)
    if reasons:
        screen.line(f"{execution.id} cannot be moved:")
        show_problems(screen, reasons)
        return FAILED
    became = "can be moved to" if arguments.dry_run else "goes on with"
    screen.line((execution.id, "bold"), f" {became} version {arguments.workflow_version}: {execution.status}")
    return OK
