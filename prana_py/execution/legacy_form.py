"""The form in which the original Prana stores executions, as typed records: unknown fields dropped, defaults filled."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec

from prana_py.errors import StorageError

LegacyStatus: TypeAlias = Literal["pending", "running", "suspended", "completed", "failed", "timeout", "cancelled"]
LegacyRunStatus: TypeAlias = Literal["pending", "running", "completed", "failed", "suspended"]


class LegacyRun(msgspec.Struct, frozen=True, kw_only=True):
    """One stored run of a node."""

    node_key: str
    status: LegacyRunStatus = "pending"
    params: dict[str, Any] | None = None
    output_data: Any = None
    output_port: str | None = None
    error_data: Any = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    suspension_type: str | None = None
    suspension_data: dict[str, Any] | None = None
    execution_index: int = 0
    run_index: int = 0


class LegacyContext(msgspec.Struct, frozen=True, kw_only=True):
    """The state that nodes share, and each node's own."""

    workflow: dict[str, Any] = {}
    node: dict[str, dict[str, Any]] = {}


class LegacyState(msgspec.Struct, frozen=True, kw_only=True):
    """What the original keeps of the work that is under way."""

    context_data: LegacyContext = LegacyContext()
    active_nodes: dict[str, int] = {}


class LegacyExecution(msgspec.Struct, frozen=True, kw_only=True):
    """A stored execution. The graph and the volatile cache with the environment, which it may hold too, are dropped."""

    id: str
    workflow_id: str
    parent_execution_id: str | None = None
    execution_mode: Literal["sync", "async", "fire_and_forget"] = "async"
    status: LegacyStatus = "pending"
    error: Any = None
    trigger_type: str | None = None
    trigger_data: Any = None
    vars: dict[str, Any] | None = None
    node_executions: dict[str, list[LegacyRun]] = {}
    suspended_node_id: str | None = None
    suspension_type: str | None = None
    suspension_data: dict[str, Any] | None = None
    suspended_at: datetime | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    execution_data: LegacyState = LegacyState()
    preparation_data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}


def read_legacy(stored: Mapping[str, Any]) -> LegacyExecution:
    """The stored execution, typed; whatever does not fit is a ``StorageError`` that names the place."""
    try:
        return msgspec.convert(stored, LegacyExecution, strict=False)
    except (msgspec.ValidationError, ValueError, TypeError, RecursionError) as error:
        raise StorageError(f"the stored execution cannot be read: {error}", code="legacy_invalid") from error
