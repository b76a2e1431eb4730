"""What went wrong in a run of a node, as data."""

from __future__ import annotations

from typing import Any

import msgspec

from prana_py.identifiers import NodeKey, Scope


class NodeError(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One shape for every failure: a stable code, a message, the place, and the chain of causes."""

    code: str
    message: str
    retryable: bool = True
    details: dict[str, Any] = {}
    node_key: NodeKey | None = None
    scope: Scope = ()
    run_index: int | None = None
    attempt: int | None = None
    cause: NodeError | None = None
    traceback: str | None = None

    def as_data(self) -> dict[str, Any]:
        """The error as the plain value that ``continue`` and ``error_port`` hand on (without the traceback)."""
        data: dict[str, Any] = {"code": self.code, "message": self.message, "details": self.details}
        if self.node_key is not None:
            data |= {"node_key": self.node_key, "run_index": self.run_index, "attempt": self.attempt}
        if self.cause is not None:
            data["cause"] = self.cause.as_data()
        return data
