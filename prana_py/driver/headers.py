"""What every row about a run begins with: when, which run of which node, and which attempt."""

from __future__ import annotations

from typing import TypeAlias

from prana_py.execution.activation import Activation
from prana_py.execution.execution import Execution
from prana_py.identifiers import Instant, NodeKey, Scope

Header: TypeAlias = tuple[Instant, NodeKey, Scope, int, int, int, int, Instant]
"""``at``, ``node``, ``scope``, ``run``, ``run_index``, ``execution_index``, ``attempt``, ``started_at``."""


def header(execution: Execution, activation: Activation, started_at: Instant, at: Instant) -> Header:
    """The first fields of a row about this run, in their order."""
    return (
        at,
        activation.vertex.key,
        activation.scope,
        activation.run,
        activation.run_index,
        index_of(execution, activation),
        activation.attempt,
        started_at,
    )


def index_of(execution: Execution, activation: Activation) -> int:
    """The execution index of a run: its own, or the next one."""
    return activation.index if activation.index >= 0 else execution.next_index
