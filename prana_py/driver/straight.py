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
from prana_py.driver.outcome import Completed
from prana_py.driver.prepare import NOTHING, context_of, first_call, prepare
from prana_py.driver.program import Program
from prana_py.execution.activation import Activation
from prana_py.execution.execution import NO_SUSPENSIONS, Execution
from prana_py.execution.rows import Row, Settled
from prana_py.execution.storable import ATOMS, SAFE_BITS, NotStorableError, storable
from prana_py.execution.straight import Stride

if TYPE_CHECKING:
    from prana_py.driver.drive import Drive


def go_straight(drive: Drive) -> Program[None]:
    """Run what is on top of the frontier, again and again, until something needs the whole machinery."""
    is_watched = drive.options.commits or drive.options.observed
    while _is_ordinary(drive):
        if drive.execution.frontier[-1].scope:
            if not (yield from _run_in_scope(drive)):
                return
            continue
        stride = Stride(drive.execution)
        while (call := _next_call(drive, stride)) is not None:
            activation = stride.frontier[-1]
            if drive.options.observed:
                yield Notify((drive.starting(activation),))
            answer: Answer = yield call
            drive.now = answer.at
            row = ordinary_row(stride, activation, call, answer)
            kept = None if row is None else stride.take(activation, row)
            if kept is not None and not is_watched and not answer.requests:
                continue
            before, drive.execution = drive.execution, stride.value
            if kept is None:
                yield from drive.write(_row(drive, activation, call, answer) if row is None else row)
            else:
                yield from _tell(drive, before, kept)
            for request in answer.requests:
                yield from drive.obey(request)
            if kept is None or answer.requests:
                break
        else:
            drive.execution = stride.value
            return


def _run_in_scope(drive: Drive) -> Program[bool]:
    """Run what is on top, which is not at the top level, if it is an ordinary run; true if it was."""
    activation = drive.execution.frontier[-1]
    if not _is_straight(activation) or (drive.execution.suspensions is not NO_SUSPENSIONS and _is_due(drive)):
        return False
    call = prepare(drive.execution, activation, drive.now)
    if type(call) is not Invocation:
        return False
    if drive.options.observed:
        yield Notify((drive.starting(activation),))
    answer: Answer = yield call
    drive.now = answer.at
    row = ordinary_row(drive.execution, activation, call, answer)
    yield from drive.write(_row(drive, activation, call, answer) if row is None else row)
    for request in answer.requests:
        yield from drive.obey(request)
    return True


def _is_ordinary(drive: Drive) -> bool:
    """Nothing wants to be done but to run what is on top of the frontier."""
    execution = drive.execution
    if not execution.frontier or execution.attention or execution.ending is not None or drive.to_start:
        return False
    return not execution.signals or execution.suspensions is NO_SUSPENSIONS


def _next_call(drive: Drive, stride: Stride) -> Invocation | None:
    """The call of the run to start, if it is an ordinary one at the top level and no wait has come due."""
    if not stride.frontier:
        return None
    activation = stride.frontier[-1]
    if activation.scope or not _is_straight(activation) or (stride.waits and _is_due(drive)):
        return None
    context = context_of(stride.value, activation) if stride.contexts else NOTHING
    call = first_call(stride, activation, drive.now, context)
    return call if type(call) is Invocation else None


def _is_straight(activation: Activation) -> bool:
    """Nothing has happened to the run so far, nor is anything special about its node."""
    return not (
        activation.index >= 0
        or activation.starved
        or activation.over_limit >= 0
        or activation.refused
        or not activation.vertex.straight
    )


def _is_due(drive: Drive) -> bool:
    """A wait has come due."""
    due = drive.due()
    return due is not None and drive.now >= due


def _tell(drive: Drive, before: Execution, row: Settled) -> Program[None]:
    """Make a row durable, and tell of it, where that is asked for."""
    if drive.options.commits:
        yield Commit(drive.execution, row)
    if drive.options.observed:
        yield Notify(events_between(before, row, drive.execution))


def _row(drive: Drive, activation: Activation, call: Invocation, answer: Answer) -> Row:
    """The row for an answer that is not ordinary."""
    params = _made_params(activation, call)
    return drive.row_of(activation, answer.outcome, answer.started_at, answer.at, params)


def _made_params(activation: Activation, call: Invocation) -> dict[str, Any] | None:
    """What the templates became; ``None`` where there are none."""
    return None if call.params is activation.vertex.params.source else call.params


def ordinary_row(seen: Execution | Stride, activation: Activation, call: Invocation, answer: Answer) -> Settled | None:
    """The row of a run that completed with one storable value by a declared port, and nothing else."""
    outcome = answer.outcome
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
        answer.at,
        vertex.key,
        activation.scope,
        activation.run,
        activation.run_index,
        seen.next_index,
        activation.attempt,
        answer.started_at,
        refs_of(activation),
        only_port(port),
        value,
        params=_made_params(activation, call),
    )
