"""Letting through what a condition holds for: ``logic.filter``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prana_py.builtin_nodes.expression_params import expression_problems
from prana_py.builtin_nodes.truth import holds
from prana_py.expressions import compile_expression
from prana_py.expressions.names import MISSING, Names
from prana_py.nodes.definition import node
from prana_py.nodes.returns import NodeFailure, Output, Outputs
from prana_py.nodes.signature import ABSENT


class ItemNames(Names):
    """What a condition on one item of a list sees: ``$input`` and ``$item`` are the item, bare names are its fields."""

    __slots__ = ()

    def __init__(self, item: Any, index: int) -> None:
        super().__init__()
        self["$input"] = self["$item"] = item
        self["$index"] = index

    def __missing__(self, name: str) -> Any:
        item = self["$item"]
        return item.get(name, MISSING) if isinstance(item, dict) and name[:1] != "$" else MISSING


def _where_problems(params: Mapping[str, Any], templated: frozenset[str]) -> Iterable[tuple[str, str]]:
    yield from expression_problems(params, "where")
    if ("condition" in params) == ("where" in params):
        yield "condition", "is for the whole input and where for each item of a list; give one of the two"


@node(
    type="logic.filter",
    name="Filter",
    category="logic",
    outputs=("main", "rejected"),
    raw_params=("where",),
    check=_where_problems,
    reads_only=True,
    blocks=False,
)
def filter_(input: Any, condition: Any = ABSENT, where: str | None = None, items: Any = ABSENT) -> Output | Outputs:
    """What holds leaves by ``main``, the rest by ``rejected``: the whole input by ``condition``, or the items of a list
    (``items``, else the input), each asked by the expression ``where``.
    """
    if (condition is ABSENT) == (where is None):
        reason = "give condition for the whole input, or where for each item of a list"
        raise NodeFailure("params_invalid", f"a filter has one of two conditions: {reason}", retryable=False)
    if where is None:
        return Output(input, "main" if holds(condition) else "rejected")
    return _split(where, input if items is ABSENT else items)


def _split(where: str, items: Any) -> Outputs:
    if not isinstance(items, (list, tuple)):
        reason = f"the items to filter are a list, not {type(items).__name__}"
        raise NodeFailure("invalid_collection_type", reason, retryable=False)
    expression = compile_expression(where)
    kept: list[Any] = []
    rejected: list[Any] = []
    for index, item in enumerate(items):
        (kept if expression.test(ItemNames(item, index)) else rejected).append(item)
    return Outputs({"main": kept, "rejected": rejected})
