"""The options that change results, as an execution keeps them."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from prana_py.model.settings import WorkflowSettings


class Policy(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """The workflow's settings as they held when the execution started."""

    strict_templates: bool = False
    max_iterations: int | None = 10_000
    inline_delay_ns: int = 1_000_000_000
    timeout_ns: int | None = None
    timeout_counts_waiting: bool = False
    history: int | None = None
    max_depth: int = 20
    error_workflow: str | None = None


def policy_of(settings: WorkflowSettings) -> Policy:
    """The settings that change results, in the units of executions."""
    return Policy(
        strict_templates=settings.strict_templates,
        max_iterations=settings.max_iterations,
        inline_delay_ns=_nanoseconds(settings.inline_delay),
        timeout_ns=None if settings.timeout is None else _nanoseconds(settings.timeout),
        timeout_counts_waiting=settings.timeout_counts_waiting,
        history=settings.history,
        max_depth=settings.max_depth,
        error_workflow=settings.error_workflow,
    )


def _nanoseconds(duration: timedelta) -> int:
    return (duration // timedelta(microseconds=1)) * 1000
