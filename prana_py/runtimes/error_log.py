"""Who hears of errors: the log, unless there are observers of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.execution.node_error import NodeError

LOGGER: Final = "prana_py.errors"

_GRAVE: Final = frozenset({"node_failed", "execution_failed", "error_workflow_not_started"})


def log_errors(event: LifecycleEvent) -> None:
    """The observer that writes each failure of a node to the log: what and where, with its traceback.

    What is handled is only a piece of news: an attempt that is followed by another, an error that is handed on, a
    failed item (if its owner does not take it, the owner's own failure follows).
    """
    from logging import ERROR, INFO, getLogger

    error = event.error
    if error is None or (event.kind == "execution_failed" and error.node_key is not None):
        return  # a run's own failure was written when it happened
    where = "" if error.node_key is None else f" at node {error.node_key!r}"
    traceback = f"\n{error.traceback}" if error.traceback else ""
    getLogger(LOGGER).log(
        ERROR if event.kind in _GRAVE and not event.scope else INFO,
        "execution %s of workflow %s%s: %s: %s%s",
        event.execution_id,
        event.workflow_id,
        where,
        error.details.get("exception", error.code),
        error.message,
        traceback,
    )


def errors_to(tell: Callable[[NodeError, LifecycleEvent], object]) -> Callable[[LifecycleEvent], None]:
    """An observer that tells ``tell`` of every failure of a node, whole, and of nothing else."""

    def observe(event: LifecycleEvent) -> None:
        if event.error is not None and event.node_key is not None:
            tell(event.error, event)

    return observe
