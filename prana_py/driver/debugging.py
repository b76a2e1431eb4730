"""Looking closer: running one node by hand, or from one node on, or again from where a run went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from prana_py.driver.drive import Drive, Options, run_to_rest
from prana_py.driver.effects import Adopt, MakeId, Perform, ReadClock
from prana_py.driver.preparing import prepare_nodes, wants_preparation
from prana_py.driver.program import Program
from prana_py.errors import UsageError
from prana_py.execution.activation import Activation
from prana_py.execution.entering import entered_row
from prana_py.execution.execution import Execution
from prana_py.execution.history import at, fork
from prana_py.execution.rows import RunKey
from prana_py.execution.transitions import apply
from prana_py.identifiers import TOP, ExecutionId, Instant, NodeKey


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """The node to run, and what with."""

    node: NodeKey
    value: Any | UnsetType = UNSET
    """Its input; unset: what is on its way into it, or what came last."""
    outputs: Mapping[NodeKey, Any] = {}
    """What nodes before it are taken to have given."""


def run_node(
    execution: Execution, entry: Entry, options: Options, new_id: ExecutionId | None = None
) -> Program[Execution]:
    """Run one node; what follows from it may start, but does not. A final execution stays as it is: a new one runs."""
    drive, key = yield from _entered(execution, entry, options, new_id, instead=False)
    while (activation := _live(drive.execution, key)) is not None and drive.execution.ending is None:
        if activation.not_before > drive.now:
            yield from drive.take((yield Perform(drive.execution.id, (), activation.not_before)))
        elif calls := (yield from drive.launch((activation,))):
            yield from drive.take((yield Perform(drive.execution.id, calls)))
    if drive.execution.ending is not None:
        return (yield from run_to_rest(drive.execution, options))
    return drive.execution


def run_from(
    execution: Execution, entry: Entry, options: Options, new_id: ExecutionId | None = None
) -> Program[Execution]:
    """Run a node and all that follows; an execution in which nothing has run yet begins here and not at its trigger."""
    drive, _ = yield from _entered(execution, entry, options, new_id, instead=True)
    return (yield from run_to_rest(drive.execution, options))


def retry(execution: Execution, options: Options, new_id: ExecutionId | None = None) -> Program[Execution]:
    """A new execution with the past of one that failed or was cancelled, up to that, which goes on from there."""
    if not execution.is_final:
        raise UsageError(f"execution {execution.id!r} is {execution.status}; only one that has ended can be retried")
    reopened = yield from _reopened(execution, options, new_id, "retry")
    return (yield from run_to_rest(reopened, options))


def _entered(
    execution: Execution, entry: Entry, options: Options, new_id: ExecutionId | None, *, instead: bool
) -> Program[tuple[Drive, RunKey]]:
    """The execution in which the node is about to run."""
    if execution.is_final:
        execution = yield from _reopened(execution, options, new_id, "run_from" if instead else "run_node")
    drive = Drive(execution, options, (yield ReadClock()))
    row = entered_row(
        drive.execution, entry.node, now=drive.now, value=entry.value, outputs=entry.outputs, instead=instead
    )
    if wants_preparation(drive.execution):
        yield from prepare_nodes(drive)
    if drive.execution.ending is None:
        yield from drive.write(row)
    return drive, (row.node, TOP, row.run)


def _reopened(execution: Execution, options: Options, new_id: ExecutionId | None, how: str) -> Program[Execution]:
    """A new execution that has the past of a final one, up to what brought on its end."""
    now: Instant = yield ReadClock()
    execution_id: ExecutionId = new_id or (yield MakeId())
    reopened = fork(
        execution, execution_id=execution_id, now=now, position=before_the_end(execution), keys="same", how=how
    )
    if options.commits:
        yield Adopt(reopened)
    return reopened


def before_the_end(execution: Execution) -> int:
    """The position up to which nothing had brought on the end of an execution."""
    value = at(execution, 1)
    for row in execution.journal[1:]:
        after = apply(value, row)
        if after.ending is not None or after.is_final:
            break
        value = after
    return value.position


def _live(execution: Execution, key: RunKey) -> Activation | None:
    """The run, if it may start or is under way."""
    return next((activation for activation in execution.frontier if activation.key == key), None)
