"""What an author may ask of a node, and of a workflow, beyond its parameters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, TypeAlias

import msgspec

from prana_py.model.bounds import Count, CountOrZero, Name, Period
from prana_py.model.join import Join
from prana_py.model.retry import Retry

Collect: TypeAlias = Literal["last", "merge", "list"]
Delivery: TypeAlias = Literal["at_least_once", "at_most_once"]
MutexReach: TypeAlias = Literal["execution", "global"]
ErrorFormat: TypeAlias = Literal["plain", "prana"]


class Fallback(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """On an error the node completes with this value by its default port."""

    fallback: Any


OnError: TypeAlias = Literal["stop", "continue", "error_port"] | Fallback


class NodeSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a node is run; every field has a default that suits most nodes."""

    retry: Retry | None = None
    on_error: OnError = "stop"
    error_format: ErrorFormat = "plain"
    """What ``continue`` and ``error_port`` hand on: the error itself, or the original Prana's wrapper around it."""
    timeout: Period | None = None
    join: Join | None = None
    """``None`` takes the default: each where all incoming connections leave error or timeout ports, else inclusive."""
    collect: Collect | None = None
    """Several arrivals on one port; ``None`` takes the default: merge where connections carry mappings, else last."""
    delivery: Delivery = "at_least_once"
    cache: Period | None = None
    """Reuse the output of an equal earlier call (type, params, input) that is younger than this."""
    reentrant: bool = False
    """Several runs of this node may be under way at once in one scope."""
    enabled_if: str | None = None
    """Guard: an activation waits until this expression over the execution's state holds."""
    mutex: Name | None = None
    mutex_reach: MutexReach = "execution"
    race: Name | None = None
    """Nodes of one scope with the same race name compete: the first to finish withdraws the others."""
    cancels: tuple[Name, ...] = ()
    """Cancel region: the nodes whose live work is withdrawn when this node completes."""
    compensate_with: Name | None = None
    """The node that undoes this one when the execution fails or is cancelled."""
    history: Count | None = None
    """Keep only the last n runs of this node in the trail; ``None`` follows the workflow."""


class WorkflowSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds for all nodes of a workflow; each may be overridden when an execution starts."""

    strict_templates: bool = False
    """A missing name in a template is an error instead of nothing."""
    max_iterations: CountOrZero | None = 10_000
    """Loop-backs allowed per cycle and scope; ``None`` is unbounded."""
    allow_cycles: bool = True
    timeout: Period | None = None
    timeout_counts_waiting: bool = False
    retry: Retry | None = None
    """The retry of every node that names none of its own."""
    history: Count | None = None
    """Keep only the last n runs of each node that lies on a cycle or in a scope; ``None`` keeps all."""
    inline_delay: timedelta = timedelta(seconds=1)
    """Retry delays up to this are waited in place; longer ones become durable waits."""
    max_depth: CountOrZero = 20
    """How deep sub-workflows may nest."""
    error_workflow: Name | None = None
    """The workflow that is started with the error when an execution fails."""
