"""What an execution and the sub-workflows under it wait for, and how people name and answer it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final

import msgspec

from prana_py.errors import UsageError, nearest
from prana_py.execution.execution import Execution
from prana_py.execution.suspension import SignalWait, SubWorkflowWait, Suspension, as_datetime
from prana_py.identifiers import ExecutionId, Instant

ANSWERABLE: Final = frozenset({"webhook", "signal"})


class OpenWait(msgspec.Struct, frozen=True):
    """An open wait, and the execution whose it is."""

    execution: Execution
    suspension: Suspension

    @property
    def name(self) -> str:
        """The id by which it is answered: a child's begins with its workflow."""
        own = self.suspension.wait_id
        return own if self.execution.parent_execution_id is None else f"{self.execution.workflow_id}/{own}"

    @property
    def names(self) -> frozenset[str]:
        """All that it may be called: its id, its node's key, its signal."""
        names = {self.name, self.suspension.wait_id, self.suspension.node_key}
        wait = self.suspension.wait
        return frozenset(names | {wait.name} if isinstance(wait, SignalWait) else names)

    @property
    def told(self) -> str:
        """What it waits for, and until when."""
        wait = self.suspension.wait
        what = f"the signal {wait.name!r}" if isinstance(wait, SignalWait) else kind_in_words(self.suspension.type)
        return what if wait.wait_till is None else f"{what}, until {moment(wait.wait_till)}"


def kind_in_words(kind: str) -> str:
    """A kind of wait with its article."""
    if kind == "sub_workflow":
        return "a sub-workflow"
    return f"{'an' if kind == 'interval' else 'a'} {kind.replace('_', ' ')}"


def moment(instant: Instant) -> str:
    """An instant as people read it, in UTC."""
    return read_moment(as_datetime(instant))


def read_moment(at: datetime) -> str:
    """A moment as people read it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def family_waits(execution: Execution, kept: Callable[[ExecutionId], Execution | None]) -> Iterator[OpenWait]:
    """The open waits of an execution, and in the place of each child that it waits for those of the child."""
    for suspension in execution.suspensions.values():
        wait = suspension.wait
        children = wait.children if isinstance(wait, SubWorkflowWait) else ()
        below = [child for name in children if (child := kept(name)) is not None and not child.is_final]
        if not below:
            yield OpenWait(execution, suspension)
        for child in below:
            yield from family_waits(child, kept)


def named_wait(waits: list[OpenWait], name: str) -> OpenWait | None:
    """The open wait of this name; ``None`` when there is none, an error when it could be several."""
    found = [wait for wait in waits if wait.suspension.type in ANSWERABLE and name in wait.names]
    exact = [wait for wait in found if wait.name == name] or found
    if len(exact) > 1:
        choices = ", ".join(sorted(wait.name for wait in exact))
        raise UsageError(f"--resume {name}: several waits are called so; name one: {choices}", code="wait_ambiguous")
    return exact[0] if exact else None


def no_such_wait(waits: list[OpenWait], name: str, status: str) -> UsageError:
    """An answer to something that nobody waits for."""
    names = [wait.name for wait in waits if wait.suspension.type in ANSWERABLE]
    open_ones = f"; open: {', '.join(names)}" if names else ""
    return UsageError(
        f"--resume {name}: no such wait is open, the execution is {status}{nearest(name, names)}{open_ones}",
        code="wait_not_open",
    )


def first_due(waits: list[OpenWait]) -> tuple[Instant, Execution] | None:
    """The wait that ends first by itself: when, and in which execution."""
    dues = [
        (wait.suspension.wait.wait_till, wait.execution) for wait in waits if wait.suspension.wait.wait_till is not None
    ]
    return min(dues, key=lambda due: due[0], default=None)
