"""What a program may ask for: effects as data. Who performs them is none of its business."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from prana_py.driver.invocation import Invocation
from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.driver.outcome import Outcome
from prana_py.driver.requests import Request
from prana_py.errors import TransitionError
from prana_py.execution.execution import Execution
from prana_py.execution.rows import Parent, Row, RunKey
from prana_py.identifiers import ExecutionId, Instant, WorkflowId


class ReadClock(msgspec.Struct, frozen=True, gc=False):
    """Replied to with the present instant."""


class MakeId(msgspec.Struct, frozen=True, gc=False):
    """Replied to with a new execution id."""


class ChildStart(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A sub-workflow to be started, or found if it was started before."""

    execution_id: ExecutionId
    workflow_id: WorkflowId
    version: int | None
    input: Any
    mode: str
    parent: Parent
    is_one_of_many: bool = False
    """Its parent waits for a list of results."""
    delay_ns: int = 0


class ErrorStart(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The error workflow to be started because an execution has failed, or found if it was started before."""

    execution_id: ExecutionId
    workflow_id: WorkflowId
    input: dict[str, Any]
    """The error, and which execution of which workflow it ended, with its input and the node."""
    at: Instant


class AcquireMutex(msgspec.Struct, frozen=True, gc=False):
    """Replied to with whether it is this run's turn; if not, it is in line from here on."""

    name: str
    execution_id: ExecutionId
    key: RunKey


class ReleaseMutexes(msgspec.Struct, frozen=True, gc=False):
    """Whatever an execution holds or is in line for is given up, but for these runs; who is next is told."""

    execution_id: ExecutionId
    but_for: frozenset[RunKey]


class Leave(msgspec.Struct, frozen=True, gc=False):
    """Leave this for later: after the execution that asks for it has come to rest."""

    job: ErrorStart


class Adopt(msgspec.Struct, frozen=True, gc=False):
    """Keep a new execution that has a past: a fork, or one that goes on from where another has ended."""

    execution: Execution


class Transact(NamedTuple):
    """Perform a store operation in one transaction; replied to with its answer."""

    make: Callable[[], Generator[Any, Any, Any]]
    reads: bool = False
    """It writes nothing."""
    single: bool = False
    """It is one batch, and looks at no answer before it returns."""


class ReadNews(msgspec.Struct, frozen=True, gc=False):
    """Replied to with how much news there has been so far."""


class AwaitNews(msgspec.Struct, frozen=True, gc=False):
    """Replied to when there is news of an execution that was not read yet, and at this instant at the latest."""

    execution_id: ExecutionId
    read: int
    until: Instant


class Perform(msgspec.Struct, frozen=True, gc=False):
    """Start these calls and children, and wait until something has happened: replied to with a ``Report``.

    ``until`` is when to reply at the latest, even if nothing has.
    """

    execution_id: ExecutionId
    invocations: tuple[Invocation, ...] = ()
    until: Instant | None = None
    children: tuple[ChildStart, ...] = ()


class Done(msgspec.Struct, frozen=True, gc=False):
    """A call has been answered."""

    key: RunKey
    outcome: Outcome
    started_at: Instant
    at: Instant


class ChildDone(msgspec.Struct, frozen=True, gc=False):
    """A child has come to rest, or could not be started: then there is a request for its parent at once."""

    execution_id: ExecutionId
    execution: Execution | None = None
    request: Request | None = None


class Report(msgspec.Struct, frozen=True, gc=False):
    """What has happened since the last one."""

    now: Instant
    done: tuple[Done | ChildDone, ...] = ()
    requests: tuple[Request | Letter, ...] = ()


class Answer(msgspec.Struct, frozen=True, gc=False):
    """What a call that was yielded by itself – made now, and waited for – came to."""

    outcome: Outcome
    started_at: Instant
    at: Instant
    requests: tuple[Request | Letter, ...] = ()


class Abandon(msgspec.Struct, frozen=True, gc=False):
    """Ask these calls to stop; their answers are wanted no more, or only to know that they have ended."""

    execution_id: ExecutionId
    keys: tuple[RunKey, ...]


class ChildEnded(msgspec.Struct, frozen=True, tag="child_ended"):
    """Tells a parent that one of its sub-workflows has ended, or could not be started."""

    execution_id: ExecutionId


class Letter(msgspec.Struct, frozen=True, gc=False):
    """What somebody else wants of an execution, kept under a number until it is met or refused."""

    number: int
    content: Request | ChildEnded


class Commit(msgspec.Struct, frozen=True, gc=False):
    """Make a transition durable before anything follows from it: the row, at this position, and what goes with it."""

    execution: Execution
    """As it is with the row."""
    row: Row
    letter: int = 0
    """The number of the letter that is met by this; 0: none."""
    starts: tuple[ChildStart | ErrorStart, ...] = ()
    """What is to be started because of it."""
    letters: tuple[Deliver, ...] = ()
    """What it asks of other executions."""


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A letter cannot be met, or asks for nothing that is not done already."""

    number: int
    error: TransitionError | None = None


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Replied to with whether this program may drive an execution; false while somebody else does."""

    execution_id: ExecutionId


class Barrier(msgspec.Struct, frozen=True, gc=False):
    """What was committed so far must be durable before what comes now, whatever the mode."""

    execution_id: ExecutionId


class Notify(msgspec.Struct, frozen=True, gc=False):
    """Tell the observers."""

    events: tuple[LifecycleEvent, ...]


class Load(msgspec.Struct, frozen=True, gc=False):
    """Replied to with an execution by its id, or ``None``."""

    execution_id: ExecutionId


class LoadGraph(msgspec.Struct, frozen=True, gc=False):
    """Replied to with the graph of a workflow by its id (the newest version, unless one is named)."""

    workflow_id: WorkflowId
    version: int | None = None


class Keep(msgspec.Struct, frozen=True, gc=False):
    """Remember this value of an execution, because others may ask for it."""

    execution: Execution


class TakeJob(msgspec.Struct, frozen=True, gc=False):
    """Replied to with the next thing that was left for later – a child to start, a request to deliver – or ``None``."""

    peek: bool = False
    """Only tell whether there is one."""


class Deliver(msgspec.Struct, frozen=True, gc=False):
    """Leave a request for another execution, to be acted on soon by whoever drives that."""

    execution_id: ExecutionId
    request: Request


Effect: TypeAlias = (
    Invocation
    | ReadClock
    | MakeId
    | Perform
    | Abandon
    | Commit
    | Notify
    | Load
    | LoadGraph
    | Keep
    | TakeJob
    | Deliver
    | Leave
    | AcquireMutex
    | ReleaseMutexes
    | Refused
    | Claim
    | Barrier
    | Adopt
    | Transact
    | ReadNews
    | AwaitNews
)
