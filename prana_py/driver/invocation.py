"""What a runtime is asked to do: call one node once."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from prana_py.execution.suspension import Suspension
from prana_py.identifiers import ExecutionId, Instant, NodeKey, PortName, Scope, scope_text

Call: TypeAlias = Literal["execute", "resume", "prepare"]


class Invocation(msgspec.Struct, frozen=True, gc=False):
    """One call of a node, complete: a runtime needs nothing else, and it can travel to another process."""

    execution_id: ExecutionId
    key_seed: ExecutionId
    """The execution id that idempotency keys are made from: another one only in a fork that keeps its keys."""
    workflow_id: str
    node_key: NodeKey
    node_type: str
    call: Call = "execute"
    scope: Scope = ()
    run: int = 0
    """The run's number within its scope."""
    run_index: int = 0
    """The run's number over the whole execution."""
    execution_index: int = 0
    attempt: int = 1
    params: dict[str, Any] = {}
    input: Any = None
    """The value of the main port, or of the only port that received data."""
    inputs: dict[PortName, Any] = {}
    state: dict[str, Any] = {}
    """The execution's shared state, read only: a node changes it by its answer."""
    context: dict[str, Any] = {}
    """This node's own context, read only."""
    preparation: Any = None
    """What this node's ``prepare`` returned."""
    data: Any = None
    """``resume`` only: the data it is resumed with."""
    suspension: Suspension | None = None
    """``resume`` only: the wait that was resolved."""
    variables: dict[str, Any] = {}
    secrets: tuple[str, ...] = ()
    """Names of the secrets granted to the workflow."""
    timeout_ns: int | None = None
    now: Instant = Instant(0)
    can_be_cancelled: bool = False

    cache_ns: int | None = None
    """An equal call that was answered in this time need not be made again."""

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt and after every crash; different for every run."""
        return idempotency_key(self.key_seed, self.scope, self.node_key, self.run)


def idempotency_key(execution_id: ExecutionId, scope: Scope, node_key: NodeKey, run: int) -> str:
    """A hash of what makes a run itself: execution, scope, node, number within the scope."""
    from hashlib import blake2b

    text = "\x1f".join((execution_id, scope_text(scope), node_key, str(run)))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
