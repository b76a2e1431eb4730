"""Published workflows in a store: each version once, found by its number or by what it says."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from prana_py.identifiers import Instant, WorkflowId
from prana_py.stores.records import WorkflowVersion
from prana_py.stores.statements import Operation, Statement


class Definition(NamedTuple):
    """A published version: its number, the digest of what it says, and what it says."""

    version: int
    digest: str
    text: str


class Published(NamedTuple):
    """What became of a workflow that was to be published."""

    version: int
    is_new: bool


def publish(
    workflow_id: WorkflowId, name: str, wanted: int, digest: str, text_of: Callable[[int], str], now: Instant
) -> Operation[Published]:
    """Keep a version: the one it asks for if that is newer than all others, else the next one.

    What says the same as the newest version is that version, and nothing is kept.
    """
    known = (yield Statement("workflow.newest", (workflow_id,))).rows
    newest, same = known[0][:2] if known else (0, None)
    if same == digest:
        return Published(newest, False)
    version = max(newest + 1, wanted)
    yield Statement("workflow.insert", (workflow_id, version, digest, name, text_of(version), now))
    return Published(version, True)


def newest_version(workflow_id: WorkflowId) -> Operation[int | None]:
    """The number of the newest version, if there is any."""
    version: int | None = (yield Statement("workflow.newest_version", (workflow_id,))).rows[0][0]
    return version


def definition(workflow_id: WorkflowId, version: int) -> Operation[Definition | None]:
    """What a version says."""
    rows = (yield Statement("workflow.by_version", (workflow_id, version))).rows
    return Definition(*rows[0]) if rows else None


def versions(workflow_id: WorkflowId) -> Operation[list[WorkflowVersion]]:
    """All versions of a workflow, the oldest first."""
    return [WorkflowVersion(*row) for row in (yield Statement("workflow.versions", (workflow_id,))).rows]


def newest_of_all() -> Operation[list[WorkflowVersion]]:
    """The newest version of every workflow."""
    return [WorkflowVersion(*row) for row in (yield Statement("workflow.all")).rows]
