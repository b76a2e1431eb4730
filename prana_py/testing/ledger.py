"""The effects ledger: for every idempotency key how often its run was called, and how often it came to an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from prana_py.driver.invocation import Invocation, idempotency_key
from prana_py.execution.rows import Cancelled, Row, Settled, Stopped
from prana_py.identifiers import ExecutionId, NodeKey, Scope


class Effect(msgspec.Struct, kw_only=True):
    """What happened under one key."""

    key: str
    execution_id: ExecutionId
    node_key: NodeKey
    scope: Scope
    run: int
    calls: int = 0
    attempts: int = 0
    """The highest number of an attempt."""
    completions: int = 0
    """How often the journal says that the run ended; more than once would be a fault of the engine."""


class Ledger:
    """Counts calls as they are made, and ends of runs as they are journaled."""

    def __init__(self) -> None:
        self._effects: dict[str, Effect] = {}

    def called(self, invocation: Invocation) -> None:
        """A node was called: whatever it does in the world has been done once more."""
        if invocation.call == "prepare":
            return
        key = invocation.idempotency_key
        place = (invocation.execution_id, invocation.node_key, invocation.scope, invocation.run)
        effect = self._effect(key, *place)
        effect.calls += 1
        effect.attempts = max(effect.attempts, invocation.attempt)

    def journaled(self, execution_id: ExecutionId, key_seed: ExecutionId, row: Row) -> None:
        """A row was made durable."""
        if isinstance(row, Settled | Stopped | Cancelled):
            key = idempotency_key(key_seed, row.scope, row.node, row.run)
            self._effect(key, execution_id, row.node, row.scope, row.run).completions += 1

    def _effect(self, key: str, execution_id: ExecutionId, node_key: NodeKey, scope: Scope, run: int) -> Effect:
        effect = self._effects.get(key)
        if effect is None:
            effect = Effect(key=key, execution_id=execution_id, node_key=node_key, scope=scope, run=run)
            self._effects[key] = effect
        return effect

    def by_key(self) -> Mapping[str, Effect]:
        """Every effect by its idempotency key."""
        return dict(self._effects)

    def of(self, node_key: NodeKey) -> list[Effect]:
        """The effects of one node, in the order in which they were first seen."""
        return [effect for effect in self if effect.node_key == node_key]

    def __iter__(self) -> Iterator[Effect]:
        return iter(self._effects.values())

    def __len__(self) -> int:
        return len(self._effects)

    def keys(self) -> frozenset[str]:
        """The keys under which a node was called."""
        return frozenset(effect.key for effect in self if effect.calls)
