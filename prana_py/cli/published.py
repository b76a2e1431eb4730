"""The commands on the workflows of a store."""

from __future__ import annotations

import sys
from argparse import Namespace

from prana_py.cli.exit_codes import OK
from prana_py.cli.screen import screen_for
from prana_py.cli.sources import load_source
from prana_py.cli.store_engine import open_engine
from prana_py.cli.tables import show_table
from prana_py.cli.values import print_json
from prana_py.cli.waits import read_moment
from prana_py.execution.suspension import as_datetime
from prana_py.model.document import dump_workflow
from prana_py.stores.records import WorkflowVersion


def list_workflows(arguments: Namespace) -> int:
    """``prana workflows list``."""
    with open_engine(arguments) as engine:
        found = engine.workflows()
    if arguments.json:
        print_json({"workflows": [_data(one) for one in found]}, sys.stdout)
    else:
        rows = [(one.id, str(one.version), _published(one), one.name) for one in found]
        show_table(screen_for(sys.stdout), ("workflow", "version", "published", "name"), rows)
    return OK


def show_workflow(arguments: Namespace) -> int:
    """``prana workflows show``: the document."""
    with open_engine(arguments) as engine:
        workflow = engine.workflow(arguments.workflow, arguments.workflow_version)
    print(dump_workflow(workflow).rstrip("\n"))
    return OK


def publish(arguments: Namespace) -> int:
    """``prana workflows publish``: a workflow, and those beside it."""
    source = load_source(arguments.workflow)
    with open_engine(arguments, sources=[source], makes=True) as engine:
        kept = [engine.publish(workflow) for workflow in (*source.others, source.workflow)]
    if arguments.json:
        print_json({"workflows": [_data(one) for one in kept]}, sys.stdout)
    else:
        for one in kept:
            screen_for(sys.stdout).line((one.id, "bold"), f" version {one.version}")
    return OK


def _data(one: WorkflowVersion) -> dict[str, object]:
    return {**one._asdict(), "published_at": as_datetime(one.published_at)}


def _published(one: WorkflowVersion) -> str:
    return read_moment(as_datetime(one.published_at))
