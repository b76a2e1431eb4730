"""Who hears of errors: the log, unless there are observers of one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prana_py.driver.lifecycle import LifecycleEvent
from prana_py.execution.node_error import NodeError

LOGGER: Final = "prana_py.errors"


def log_errors(event: LifecycleEvent) -> None:
    """The observer that writes each failure of a node to the log: what and where, with its traceback.

    An attempt that is followed by another is only a piece of news.
    """
    from logging import ERROR, INFO, getLogger

    error = event.error
    if error is None or (event.kind == "execution_failed" and error.node_key is not None):
        return  # a run's own failure was written when it happened
    where = "" if error.node_key is None else f" at node {error.node_key!r}"
    traceback = f"\n{error.traceback}" if error.traceback else ""
    getLogger(LOGGER).log(
        INFO if event.kind == "node_retry_scheduled" else ERROR,
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
