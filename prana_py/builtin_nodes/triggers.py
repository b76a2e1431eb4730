"""Where an execution begins: by hand, as a sub-workflow, or because another one failed."""

from __future__ import annotations

from typing import Any

from prana_py.nodes.definition import node


@node(type="manual.trigger", name="Manual trigger", category="triggers", trigger=True, reads_only=True, blocks=False)
def manual_trigger(input: Any) -> Any:
    """Begins an execution that somebody starts: what it starts with passes through, or an empty map."""
    return {} if input is None else input


@node(
    type="workflow.trigger",
    name="Called by a workflow",
    category="triggers",
    trigger=True,
    reads_only=True,
    blocks=False,
)
def workflow_trigger(input: Any) -> Any:
    """Begins an execution that another workflow starts: what the parent hands over passes through."""
    return {} if input is None else input


@node(type="error.trigger", name="On an error", category="triggers", trigger=True, reads_only=True, blocks=False)
def error_trigger(input: Any) -> Any:
    """Begins an execution because another one failed: the error passes through, with where it happened."""
    return {} if input is None else input
