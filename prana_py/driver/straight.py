"""The short way through the loop: one ordinary run after another, as long as nothing special comes up.

It does what ``drive`` does – prepare, call, row, advance – for runs that start at once, are called once and complete,
and hands over to it as soon as one does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prana_py.driver.effects import Answer, Commit, Notify
from prana_py.driver.failing import only_port, refs_of
from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import events_between
from prana_py.driver.outcome import Completed, Outcome
from prana_py.driver.prepare import prepare
from prana_py.driver.program import Program
from prana_py.execution.activation import Activation
from prana_py.execution.execution import NO_SUSPENSIONS, Execution
from prana_py.execution.rows import Settled
from prana_py.execution.storable import ATOMS, SAFE_BITS, NotStorableError, storable
from prana_py.execution.straight import advance_straight
from prana_py.identifiers import Instant

if TYPE_CHECKING:
    from prana_py.driver.drive import Drive


def go_straight(drive: Drive) -> Program[None]:
    """Run what is on top of the frontier, again and again, until something needs the whole machinery."""
    observed, commits = drive.options.observed, drive.options.commits
    while True:
        execution = drive.execution
        activation = _next(drive, execution)
        if activation is None:
            return
        call = prepare(execution, activation, drive.now)
        if type(call) is not Invocation:
            return
        if observed:
            yield Notify((drive.starting(activation),))
        answer: Answer = yield call
        drive.now = answer.at
        params = None if call.params is activation.vertex.params.source else call.params
        row = ordinary_row(execution, activation, answer.outcome, answer.started_at, answer.at, params)
        moved = None if row is None else advance_straight(execution, activation, row)
        if moved is None:
            yield from drive.write(
                drive.row_of(activation, answer.outcome, answer.started_at, answer.at, params) if row is None else row
            )
        else:
            drive.execution, kept = moved
            if commits:
                yield Commit(drive.execution, kept)
            if observed:
                yield Notify(events_between(execution, kept, drive.execution))
        for request in answer.requests:
            yield from drive.obey(request)


def _next(drive: Drive, execution: Execution) -> Activation | None:
    """The run to start, if it and the execution are in an ordinary state."""
    if not execution.frontier or execution.attention or execution.ending is not None or drive.to_start:
        return None
    activation = execution.frontier[-1]
    if not activation.vertex.straight or activation.index >= 0 or activation.starved or activation.over_limit >= 0:
        return None
    if execution.suspensions is not NO_SUSPENSIONS or execution.identity.deadline is not None:
        due = drive.due()
        if execution.signals or (due is not None and drive.now >= due):
            return None
    return activation


def ordinary_row(
    execution: Execution,
    activation: Activation,
    outcome: Outcome,
    started_at: Instant,
    at: Instant,
    params: dict[str, Any] | None,
) -> Settled | None:
    """The row of a run that completed with one storable value by a declared port, and nothing else."""
    if type(outcome) is not Completed or outcome.state or outcome.context:
        return None
    vertex = activation.vertex
    port = outcome.port or vertex.default_port
    if port not in vertex.spec.outputs:
        return None
    value = outcome.value
    if value.__class__ not in ATOMS and (value.__class__ is not int or value.bit_length() > SAFE_BITS):
        try:
            value = storable(value)
        except NotStorableError:
            return None
    return Settled(
        at,
        vertex.key,
        activation.scope,
        activation.run,
        activation.run_index,
        execution.next_index,
        activation.attempt,
        started_at,
        refs_of(activation),
        only_port(port),
        value,
        params=params,
    )
