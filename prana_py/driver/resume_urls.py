"""``resume_url('node')`` in a template: the real address in the call, and a reference to it in the journal."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from prana_py.driver.tokens import Address, address_from_text, address_text, is_signature, signature, token_for
from prana_py.execution.draft import next_run
from prana_py.execution.execution import Execution
from prana_py.expressions.names import MISSING, Lookup
from prana_py.identifiers import NodeKey, Scope

FUNCTION: Final = "resume_url"
"""The function that templates call, and so the name under which they look it up."""

Write: TypeAlias = Callable[[Address], str]

_REFERENCE: Final = re.compile(r"\{\$resume_url:([\w-]+)\.([\w-]+)\}", re.ASCII)


class UrlWriter(msgspec.Struct, frozen=True):
    """Writes addresses: real ones for calls, and references for the journal. Only who knows the key has one.

    References are signed, so that a text which comes in from outside and looks like one is not made real.
    """

    key: bytes
    base_url: str = ""
    older: tuple[bytes, ...] = ()
    """Keys that references were signed with before."""

    def url(self, address: Address) -> str:
        """Where the wait can be resolved, token and all."""
        return f"{self.base_url}/resume/{token_for(self.key, address)}"

    def reference(self, address: Address) -> str:
        """What is kept in the place of that; anybody may read it, and it opens nothing."""
        named = address_text(address)
        return f"{{${FUNCTION}:{named}.{signature(self.key, _signed(named))}}}"

    def made_real(self, params: Any, execution: Execution) -> Any:
        """Params as they were kept, with real addresses in the place of this execution's own references."""
        if isinstance(params, str):
            return _REFERENCE.sub(lambda match: self._real(match, execution), params)
        if isinstance(params, dict):
            return {key: self.made_real(value, execution) for key, value in params.items()}
        if isinstance(params, list):
            return [self.made_real(value, execution) for value in params]
        return params

    def _real(self, match: re.Match[str], execution: Execution) -> str:
        named, signed = match.groups()
        if not any(is_signature(key, _signed(named), signed) for key in (self.key, *self.older)):
            return match.group()
        address = address_from_text(named)
        return self.url(address) if address.execution_id == execution.id else match.group()


class ResumeUrls(Lookup):
    """``resume_url``: by node key, the address of the next run of that node as seen from a scope."""

    __slots__ = ("execution", "scope", "write")

    def __init__(self, execution: Execution, scope: Scope, write: Write) -> None:
        self.execution = execution
        self.scope = scope
        self.write = write

    def look_up(self, key: Any) -> Any:
        address = next_address(self.execution, self.scope, key)
        return MISSING if address is None else self.write(address)

    def plain(self) -> Any:
        return None


def next_address(execution: Execution, seen_from: Scope, key: NodeKey) -> Address | None:
    """The first wait of the next run of a node, or of the run that is under way; ``None``: it cannot be seen."""
    graph = execution.execution_graph
    ordinal = graph.ordinals.get(key)
    if ordinal is None:
        return None
    vertex = graph.vertices[ordinal]
    scope = seen_from[: len(vertex.home)]
    if [graph.vertices[owner].key for owner in vertex.home] != [step[0] for step in scope]:
        return None
    state = execution.scope_state(scope)
    return None if state is None else Address(execution.id, key, next_run(state, vertex), scope)


def _signed(named: str) -> str:
    """What a reference's signature is over: no token begins like this."""
    return f"reference.{named}"
