"""``prana schedules``: when the clock starts workflows, and when it is to leave that."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Any

import msgspec

from prana_py.cli.exit_codes import OK
from prana_py.cli.screen import screen_for
from prana_py.cli.store_engine import open_engine
from prana_py.cli.tables import show_table
from prana_py.cli.values import print_json
from prana_py.cli.waits import moment
from prana_py.execution.suspension import as_datetime
from prana_py.identifiers import Instant
from prana_py.stores.schedules import Kept


def list_schedules(arguments: Namespace) -> int:
    """``prana schedules list``."""
    with open_engine(arguments) as engine:
        kept = engine.schedules(arguments.workflow_id)
    if arguments.json:
        print_json({"schedules": [_data(one) for one in kept]}, sys.stdout)
    else:
        show_table(screen_for(sys.stdout), ("schedule", "workflow", "trigger", "next", "last"), map(_listed, kept))
    return OK


def pause(arguments: Namespace) -> int:
    """``prana schedules pause``."""
    with open_engine(arguments) as engine:
        changed = engine.pause_schedule(arguments.schedule)
    return _changed(arguments, "paused", "fires no more" if changed else "was paused already", changed=changed)


def go_on(arguments: Namespace) -> int:
    """``prana schedules resume``."""
    with open_engine(arguments) as engine:
        changed = engine.resume_schedule(arguments.schedule)
    return _changed(arguments, "resumed", "fires again, from now on" if changed else "was not paused", changed=changed)


def _changed(arguments: Namespace, verb: str, told: str, *, changed: bool) -> int:
    if arguments.json:
        print_json({"schedule": arguments.schedule, verb: changed}, sys.stdout)
    else:
        screen_for(sys.stdout).line((arguments.schedule, "bold"), f" {told}")
    return OK


def _listed(one: Kept) -> tuple[str, ...]:
    comes = "paused" if one.paused else "never" if one.next_at is None else moment(one.next_at)
    return (
        one.id,
        f"{one.workflow_id} {one.version}",
        one.node_key,
        comes,
        "" if one.last_at is None else moment(one.last_at),
    )


def _data(one: Kept) -> dict[str, Any]:
    return {
        "schedule": one.id,
        "workflow_id": one.workflow_id,
        "workflow_version": one.version,
        "trigger": one.node_key,
        "settings": msgspec.to_builtins(one.schedule),
        "next_at": _when(one.next_at),
        "last_at": _when(one.last_at),
        "paused": one.paused,
    }


def _when(instant: Instant | None) -> Any:
    return None if instant is None else as_datetime(instant)
