"""Scope owners: ``core.for_each`` and ``core.while``. They say what to go round with; the core goes round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from prana_py.builtin_nodes.expression_params import expression_problems
from prana_py.driver.outcome import Opened
from prana_py.model.bounds import Count, CountOrZero
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure
from prana_py.nodes.signature import ABSENT


def _for_each_problems(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    yield from expression_problems(params, "until")
    if params.get("mode") == "batch" and params.get("batch_size") is None and "batch_size" not in templated:
        yield "batch_size", "is required in mode batch"


@node(
    type="core.for_each",
    name="For each",
    category="flow",
    aliases=("prana_core.for_each",),
    outputs=("loop", "done"),
    owner="for_each",
    raw_params=("until",),
    param_aliases={"collection": "items"},
    check=_for_each_problems,
    reads_only=True,
    blocks=False,
)
def for_each(
    input: Any,
    items: Any = ABSENT,
    mode: Literal["single", "batch"] = "single",
    batch_size: Count | None = None,
    max_concurrency: Count = 1,
    need: Count | None = None,
    until: str | None = None,
    on_item_error: Literal["stop", "continue", "skip"] = "stop",
    open: bool = False,
) -> Opened:
    """Each item, or each batch of items, leaves by ``loop`` in a scope of its own; ``done`` gives the results in order.

    The items are those of the list ``items``, else of the input. It is done as soon as ``need`` items have completed
    or ``until`` holds over the last result (``$input``) and all so far (``$results``).
    """
    collection = input if items is ABSENT else items
    if not isinstance(collection, (list, tuple)):
        if not (open and collection is None):
            message = f"for_each goes through a list, not {type(collection).__name__}"
            raise NodeFailure("invalid_collection_type", message, retryable=False)
        collection = []
    return Opened(
        items=_batches(collection, batch_size) if mode == "batch" else list(collection),
        max_concurrency=max_concurrency,
        need=need,
        until=until,
        on_item_error=on_item_error,
        open=open,
    )


def _batches(items: list[Any] | tuple[Any, ...], size: int | None) -> list[Any]:
    if size is None:
        raise NodeFailure("params_invalid", "for_each in mode 'batch' needs batch_size, at least 1", retryable=False)
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def _while_problems(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    return expression_problems(params, "condition")


@node(
    type="core.while",
    name="While",
    category="flow",
    outputs=("loop", "done"),
    owner="while",
    raw_params=("condition",),
    check=_while_problems,
    reads_only=True,
    blocks=False,
)
def while_(input: Any, condition: str | bool, max_rounds: CountOrZero | None = None) -> Opened:
    """As long as ``condition`` holds, the last round's result (at first the input) leaves by ``loop`` in a new scope.

    ``done`` gives the last round's result. ``max_rounds`` is a normal end; without it the workflow's limit is an error.
    """
    text = condition if isinstance(condition, str) else str(condition).lower()
    return Opened(items=[input], condition=text, max_rounds=max_rounds)
