"""The wait that a token is for: the open one, or a clear word on why there is none."""

from __future__ import annotations

from collections.abc import Iterator

from prana_py.driver.tokens import Address
from prana_py.errors import TransitionError, nearest
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Expired, Resumed, RunKey, SignalTaken, Suspended
from prana_py.execution.suspension import Suspension
from prana_py.identifiers import WaitId


def address_of_wait(execution: Execution, wait_id: WaitId) -> Address:
    """The address of an open wait."""
    suspension = execution.suspensions.get(wait_id)
    if suspension is None:
        message = f"execution {execution.id!r} has no open wait {wait_id!r}{nearest(wait_id, execution.suspensions)}"
        raise TransitionError(message, code="wait_not_open", wait_id=wait_id)
    if suspension.type != "webhook":
        message = f"wait {wait_id!r} is of type {suspension.type!r}; only a webhook is resolved by a token"
        raise TransitionError(message, code="wait_without_token", wait_id=wait_id)
    key = (suspension.node_key, suspension.scope, suspension.run)
    rows = list(_suspended(execution, key))
    wait = next(number for number, row in enumerate(rows) if any(s.wait_id == wait_id for s in row.waits))
    webhooks = _webhooks(rows[wait])
    port = "" if webhooks[0].wait_id == wait_id else suspension.port or ""
    return Address(execution.id, suspension.node_key, suspension.run, suspension.scope, wait, port)


def open_wait(execution: Execution, address: Address) -> WaitId:
    """The open wait at an address. ``TransitionError`` says that it is over, withdrawn, or still to come."""
    key = (address.node_key, address.scope, address.run)
    rows = list(_suspended(execution, key))
    if address.wait >= len(rows):
        raise _never_opened(execution, address)
    webhooks = _webhooks(rows[address.wait])
    if address.port:
        webhooks = [wait for wait in webhooks if wait.port == address.port]
    if not webhooks:
        raise TransitionError(f"run {address.run} of node {address.node_key!r} takes no token", code="token_wrong")
    name = webhooks[0].wait_id
    if name not in execution.suspensions:
        raise _over(execution, name)
    return name


def _suspended(execution: Execution, key: RunKey) -> Iterator[Suspended]:
    """How a run has suspended, oldest first; waiting for its turn at a mutex does not count."""
    for row in execution.history():
        if isinstance(row, Suspended) and (row.node, row.scope, row.run) == key and row.waits[0].type != "mutex":
            yield row


def _webhooks(row: Suspended) -> list[Suspension]:
    return [wait for wait in row.waits if wait.type == "webhook"]


def _never_opened(execution: Execution, address: Address) -> TransitionError:
    """The run has not waited so often: not yet, or it never will."""
    place = f"run {address.run} of node {address.node_key!r} in execution {execution.id!r}"
    if execution.is_final or execution.ending is not None:
        return _ended(execution, f"{place} does not wait any more")
    if _is_over(execution, address):
        return TransitionError(f"{place} is over, and waits for nothing", code="token_old")
    return TransitionError(f"{place} does not wait yet; try again later", code="token_early")


def _is_over(execution: Execution, address: Address) -> bool:
    """The run has settled, or its scope is closed: it can never wait again."""
    ordinal = execution.execution_graph.ordinals.get(address.node_key)
    if ordinal is None:
        return True
    state = execution.scope_state(address.scope)
    if state is None:
        return True
    slot = execution.execution_graph.vertices[ordinal].slot
    latest = state.latest[slot]
    live = any(
        activation.key == (address.node_key, address.scope, address.run)
        for activation in (*execution.frontier, *execution.parked.values())
    )
    return not live and ((latest is not None and latest.run >= address.run) or state.runs.get(ordinal, 0) > address.run)


def _over(execution: Execution, wait_id: WaitId) -> TransitionError:
    """How a wait ended that was open once."""
    for row in execution.history():
        if isinstance(row, Resumed | SignalTaken) and row.wait_id == wait_id:
            return TransitionError(f"wait {wait_id!r} was resolved already", code="token_reused", wait_id=wait_id)
        if isinstance(row, Expired) and row.wait_id == wait_id:
            return TransitionError(f"wait {wait_id!r} was over before", code="token_old", wait_id=wait_id)
    if execution.is_final or execution.ending is not None:
        return _ended(execution, f"wait {wait_id!r} was withdrawn")
    return TransitionError(f"wait {wait_id!r} was withdrawn", code="token_withdrawn", wait_id=wait_id)


def _ended(execution: Execution, what: str) -> TransitionError:
    status = execution.status if execution.ending is None else execution.ending.status
    return TransitionError(
        f"execution {execution.id!r} is {status}, so {what}",
        code="execution_final",
        execution_id=execution.id,
        status=status,
    )
