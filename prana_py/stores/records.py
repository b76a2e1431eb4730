"""What stores give back: headers, journals, claims – and how an execution that nobody has begun is to be started."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from prana_py.driver.effects import ChildEnded, Letter
from prana_py.driver.requests import Request
from prana_py.errors import StorageError
from prana_py.execution.rows import Parent
from prana_py.identifiers import ExecutionId, Instant, NodeKey, WorkflowId
from prana_py.model.settings import WorkflowSettings

PLACES: int = 1 << 28
"""How many rows a journal has room for."""


class Header(NamedTuple):
    """What is known of an execution without reading its journal."""

    number: int
    id: ExecutionId
    workflow_id: WorkflowId
    workflow_version: int | None
    digest: str | None
    status: str
    created_at: Instant
    ended_at: Instant | None
    parent_id: ExecutionId | None
    parent_wait: str | None
    trigger_type: str
    schedule_id: str | None
    owner: str | None
    epoch: int
    wake_at: Instant | None
    crashes: int
    quarantine: str | None
    error: str | None

    @property
    def is_final(self) -> bool:
        """Completed, failed or cancelled."""
        return self.status in ("completed", "failed", "cancelled")


class Stored(NamedTuple):
    """An execution as it is kept."""

    header: Header
    bodies: list[bytes]
    blobs: dict[bytes, bytes]


class Claimed(NamedTuple):
    """The right to write an execution's next rows."""

    id: ExecutionId
    number: int
    epoch: int
    status: str
    crashes: int = 0
    workflow_version: int | None = None
    submission: bytes | None = None
    """How it is to be started, while it is pending."""
    left_by: str | None = None
    """The process that drove it, as far as is known, if that has died."""


class Contents(NamedTuple):
    """What whoever drives an execution has to know of it."""

    bodies: list[bytes]
    blobs: dict[bytes, bytes]
    letters: list[Letter]


class WorkflowVersion(NamedTuple):
    """A published version of a workflow, without what it says."""

    id: WorkflowId
    version: int
    digest: str
    name: str
    published_at: Instant


class Submission(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an execution is to be started by whoever claims it."""

    workflow_id: WorkflowId
    version: int | None = None
    trigger: NodeKey | None = None
    input: Any = None
    mode: str = "async"
    trigger_type: str = "manual"
    parent: Parent | None = None
    is_one_of_many: bool = False
    variables: dict[str, Any] = {}
    settings: WorkflowSettings | None = None
    metadata: dict[str, Any] = {}


Content: TypeAlias = Request | ChildEnded

Value = TypeVar("Value")

_ENCODER = msgspec.msgpack.Encoder()
_CONTENTS: msgspec.msgpack.Decoder[Content] = msgspec.msgpack.Decoder(Content)
_SUBMISSIONS = msgspec.msgpack.Decoder(Submission)


def encode(value: Content | Submission) -> bytes:
    """A letter, or a submission, as it is kept."""
    return _ENCODER.encode(value)


def decode_content(payload: bytes) -> Content:
    """What a letter says."""
    return _decoded(_CONTENTS, payload, "a letter")


def decode_submission(payload: bytes) -> Submission:
    """How an execution is to be started."""
    return _decoded(_SUBMISSIONS, payload, "how an execution is to be started")


def _decoded(decoder: msgspec.msgpack.Decoder[Value], payload: bytes, what: str) -> Value:
    try:
        return decoder.decode(payload)
    except msgspec.MsgspecError as error:
        raise StorageError(f"{what} cannot be read: {error}", code="row_invalid") from error
