"""The names that things go by, and what an instant and a scope are."""

from __future__ import annotations

from typing import NewType, TypeAlias

NodeKey: TypeAlias = str
PortName: TypeAlias = str
ConnectionKey: TypeAlias = str
WorkflowId: TypeAlias = str
ExecutionId: TypeAlias = str
WaitId: TypeAlias = str

Instant = NewType("Instant", int)
"""Nanoseconds since 1970-01-01 UTC."""

ScopeStep: TypeAlias = tuple[NodeKey, int, int]
"""One level of a scope: the owner's key, the owner's run number in its own scope, and the item or round."""

Scope: TypeAlias = tuple[ScopeStep, ...]
"""Where a node runs: ``()`` is the top; each step goes into one item of a scope owner's run."""

TOP: Scope = ()

MAIN: PortName = "main"
ERROR: PortName = "error"
TIMEOUT: PortName = "timeout"


def scope_text(scope: Scope) -> str:
    """A scope as people and wait ids write it: ``each#0[2]/inner#0[1]``; the top is the empty text."""
    return "/".join(f"{key_text(owner)}#{run}[{item}]" for owner, run, item in scope)


def key_text(key: NodeKey) -> str:
    """A node key inside of a longer name: what separates its parts is escaped, so that no two names are the same."""
    if "#" not in key and "/" not in key and "%" not in key:
        return key
    return key.replace("%", "%25").replace("#", "%23").replace("/", "%2F")
