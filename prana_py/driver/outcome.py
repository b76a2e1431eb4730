"""What a runtime answers about one call of a node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from prana_py.execution.node_error import NodeError
from prana_py.execution.suspension import WaitRequest
from prana_py.identifiers import PortName


class Completed(msgspec.Struct, frozen=True, gc=False, tag="completed"):
    """The node answered with one value by one port; ``port=None`` is its default port."""

    value: Any = None
    port: PortName | None = None
    state: dict[str, Any] | None = None
    """Updates of the execution's shared state."""
    context: dict[str, Any] | None = None
    """Updates of this node's own context."""


class CompletedPorts(msgspec.Struct, frozen=True, gc=False, tag="completed_ports"):
    """The node answered by several ports at once; an empty mapping ends this path.

    A port named in ``each`` holds a list of which every element makes an arrival of its own.
    """

    values: dict[PortName, Any]
    each: tuple[PortName, ...] = ()
    state: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Opened(msgspec.Struct, frozen=True, gc=False, tag="opened", kw_only=True):
    """A scope owner answers with the plan of its scopes (``core.for_each``) or its first round (``core.while``)."""

    items: list[Any]
    """What each scope starts with; of a ``while`` the one value that the first round gets (none: no round)."""
    max_concurrency: int = 1
    need: int | None = None
    """Done as soon as so many items have completed; the rest is withdrawn."""
    until: str | None = None
    """Expression over the results so far (``$results``, ``$input`` the last); when it holds, the rest is withdrawn."""
    on_item_error: str = "stop"
    """``stop``: the owner's run fails; ``continue``: the error is the item's result; ``skip``: it has no result."""
    open: bool = False
    """Items may be added by the request ``AddItems``, until one of these closes the owner."""
    condition: str | None = None
    """``while`` only: another round follows as long as it holds over the last round's result."""
    max_rounds: int | None = None


class Waiting(msgspec.Struct, frozen=True, gc=False, tag="waiting"):
    """The node suspends until one of the waits it asks for is resolved."""

    request: WaitRequest
    state: dict[str, Any] | None = None
    context: dict[str, Any] | None = None


class Stopped(msgspec.Struct, frozen=True, gc=False, tag="stopped"):
    """The node ends the whole execution: completed with ``value``, or failed with ``error``."""

    value: Any = None
    error: NodeError | None = None


class Failed(msgspec.Struct, frozen=True, gc=False, tag="failed"):
    """The node raised, timed out, was interrupted or answered something impossible."""

    error: NodeError
    cancelled: bool = False
    """It was abandoned because the engine asked for it."""


Outcome: TypeAlias = Completed | CompletedPorts | Opened | Waiting | Stopped | Failed


def failed(code: str, message: str, *, retryable: bool = True, details: Mapping[str, Any] | None = None) -> Failed:
    """The outcome of a failure that needs no traceback."""
    return Failed(NodeError(code=code, message=message, retryable=retryable, details=dict(details or {})))
